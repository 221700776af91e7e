"""What happened reaches the log and the observers, and nobody writes lines of their own into it."""

from __future__ import annotations

import logging
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import saml_wsgi
from saml_wsgi.events import Events, UnderReference, current_reference, log, our_logger, reference
from saml_wsgi.model import Event


def test_references():
    """A reference is ten characters that nobody confuses on the phone, and no two are alike."""
    made = {reference() for _ in range(500)}
    assert len(made) == 500
    assert all(re.fullmatch(r"[2-9A-HJ-NP-Z]{10}", one) for one in made)


def test_the_line(caplog):
    """An event is one line of fields, and the same fields as extra; the detail comes last."""
    caplog.set_level(logging.INFO)
    Events().emit("refused", code="expired", reference="ABC", private="2 s late", user="mara", empty="")
    (line,) = caplog.records
    assert line.getMessage() == "event=refused code=expired reference=ABC user=mara detail='2 s late'"
    assert line.levelno == logging.WARNING
    assert (line.saml_event, line.saml_code, line.saml_user) == ("refused", "expired", "mara")
    assert not hasattr(line, "saml_private")


@pytest.mark.parametrize(
    ("name", "level"),
    [("sign_in", "INFO"), ("refused", "WARNING"), ("unavailable", "ERROR"), ("internal_error", "ERROR")],
)
def test_levels(caplog, name, level):
    """A refusal warns, an outage is an error, the rest is information."""
    caplog.set_level(logging.INFO)
    Events().emit(name)
    assert caplog.records[0].levelname == level


@given(st.text(max_size=600))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_log_injection(caplog, text):
    """Whatever came from outside stays one line of printable ASCII and can't pose as another field."""
    caplog.set_level(logging.INFO)
    caplog.clear()
    log(Event("refused", private=text, fields={"user": text}))
    (line,) = caplog.records
    message = line.getMessage()
    assert message.isascii()
    assert message.isprintable()
    value = message.removeprefix("event=refused").partition(" detail=")[0]
    if value:
        assert re.fullmatch(r" user=(?:[!#-~]+|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")", value)


def test_observers():
    """Every observer is told everything; one that fails harms neither the others nor the sign-in."""
    seen = []

    def broken(event):
        raise ZeroDivisionError

    Events([broken, seen.append]).emit("sign_in", reference="R", user="7", private="p")
    assert seen == [Event("sign_in", "", "R", {"user": "7"}, "p")]


def test_a_failing_observer_is_logged(caplog):
    """What an observer raises is in the log, with its traceback."""

    def broken(event):
        raise ZeroDivisionError("mine")

    Events([broken]).emit("sign_in")
    assert "an observer failed on the event sign_in" in caplog.text
    assert "ZeroDivisionError: mine" in caplog.text


# -- the reference of the attempt --


def test_no_reference_without_an_attempt():
    """Outside an attempt there is no reference."""
    assert current_reference() == ""


def test_the_reference_is_known_meanwhile():
    """What runs within an attempt knows its reference; attempts within attempts end one by one."""
    with UnderReference("OUTER"):
        with UnderReference("INNER"):
            assert current_reference() == "INNER"
        assert current_reference() == "OUTER"
        with pytest.raises(ZeroDivisionError), UnderReference("FAILS"):
            raise ZeroDivisionError
        assert current_reference() == "OUTER"
    assert current_reference() == ""


def test_threads_have_references_of_their_own():
    """Attempts at once don't see each other's reference."""
    meeting = threading.Barrier(4)

    def attempt(number):
        with UnderReference(f"R{number}"):
            meeting.wait()
            seen = current_reference()
            meeting.wait()
        return seen

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(attempt, range(4))) == ["R0", "R1", "R2", "R3"]


@pytest.mark.parametrize(
    ("message", "args", "line"),
    [
        ("trouble", (), "trouble reference=ABC"),
        ("%d of %s", (2, "x"), "2 of x reference=ABC"),
        ("100 %", (), "100 % reference=ABC"),
        ("%(a)s", ({"a": 1},), "1 reference=ABC"),
    ],
)
def test_our_lines_carry_the_reference(caplog, message, args, line):
    """A line of ours that is written within an attempt ends with its reference, and has it as a field."""
    ours = our_logger("saml_wsgi.test")
    with UnderReference("ABC"):
        ours.warning(message, *args)
    ours.warning("afterwards")
    first, second = caplog.records
    assert first.getMessage() == line
    assert first.saml_reference == "ABC"
    assert second.getMessage() == "afterwards"
    assert not hasattr(second, "saml_reference")


def test_a_line_has_its_reference_once(caplog):
    """However often a logger is asked for, and also in an event's own line, the reference stands once."""
    for _ in range(3):
        ours = our_logger("saml_wsgi.test")
    with UnderReference("ABC"):
        ours.warning("once")
        Events().emit("refused", code="expired", reference="ABC")
        Events().emit("refused", code="expired")
    assert [line.getMessage().count("ABC") for line in caplog.records] == [1, 1, 1]


def test_other_loggers_are_left_alone(caplog):
    """The lines of the application, and of any other library, are as they were."""
    with UnderReference("ABC"):
        logging.getLogger("wiki").warning("saved")
    (line,) = caplog.records
    assert line.getMessage() == "saved"
    assert not hasattr(line, "saml_reference")


def test_every_logger_of_ours_carries_it():
    """No module makes a logger that doesn't know of references."""
    package = Path(saml_wsgi.__file__).parent
    makers = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if re.search(r"^logger\b.*getLogger", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert makers == set()


# -- what a process remembers --


def test_recent_refusals_are_remembered():
    """The last refusals and failures, newest first, are there to be asked for; successes aren't."""
    events = Events()
    events.emit("sign_in", reference="A")
    events.emit("refused", code="expired", reference="B", private="late")
    events.emit("unavailable", code="store_unavailable", reference="C")
    events.emit("internal_error", code="internal_error", reference="D")
    assert [one.event.reference for one in events.recent()] == ["D", "C", "B"]
    assert events.recent()[2].event == Event("refused", "expired", "B", {}, "late")
    assert [one.at for one in events.recent()] == sorted((one.at for one in events.recent()), reverse=True)


def test_what_is_remembered_is_bounded():
    """However many there are, and however long their details, a process remembers only so much."""
    events = Events()
    for number in range(1000):
        events.emit("refused", code="expired", reference=str(number), private="x" * 100_000)
    recent = events.recent()
    assert [one.event.reference for one in recent] == [str(number) for number in range(999, 799, -1)]
    assert max(len(one.event.private) for one in recent) == 500


def test_recent_while_others_refuse():
    """Asking while other threads refuse people gives a whole answer."""
    events = Events()

    def refuse(_):
        for _ in range(500):
            events.emit("unavailable")
            assert len(events.recent()) <= 200

    logging.getLogger("saml_wsgi.events").setLevel(logging.CRITICAL)
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(refuse, range(4)))
    finally:
        logging.getLogger("saml_wsgi.events").setLevel(logging.NOTSET)
    assert len(events.recent()) == 200


def test_what_nobody_reads_is_not_written(caplog):
    """Where the log's level leaves a line out, no time is spent on it."""
    written = []

    class Named:
        def __str__(self):
            written.append(self)
            return "mara"

    for level in (logging.WARNING, logging.INFO):
        caplog.set_level(level, logger="saml_wsgi.events")
        Events().emit("sign_in", user=Named())
        assert len(written) == len(caplog.records) == (level == logging.INFO)
