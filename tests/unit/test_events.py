"""What happened reaches the log and the observers, and nobody writes lines of their own into it."""

from __future__ import annotations

import logging
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saml_wsgi.events import Events, log, reference
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
