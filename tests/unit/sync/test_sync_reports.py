"""What is told of a run."""

from __future__ import annotations

import json
import logging

import pytest

from saml_wsgi.sync.decision import printable
from saml_wsgi.sync.report import MOST_TOLD, Report, Told


def test_a_report_survives_json(crowd):
    """What the history keeps is the report, letter by letter."""
    crowd.make("local")
    crowd.source.put("uid:local", username="Local")
    report = crowd.done()
    again = Report.from_json(report.as_json())
    assert again == report
    assert again.told == (Told("Local", "belongs to local"),)
    assert json.loads(report.as_json())["cure"] == ""


def test_what_a_later_version_adds_is_passed_over():
    """A report of another version is read as far as it is understood."""
    assert Report.from_json('{"code":"busy","unheard_of":1}').code == "busy"


@pytest.mark.parametrize("text", ["[]", "7", "no JSON"])
def test_what_is_no_report_is_refused(text):
    """Text that is no report is a ValueError."""
    with pytest.raises(ValueError):  # noqa: PT011 - json's own, with its own text
        Report.from_json(text)


def test_of_many_people_some_are_named_and_all_are_counted(world):
    """However many are to be told of, a report stays small."""
    for number in range(MOST_TOLD + 50):
        world.make(f"user{number}")
        world.source.put(f"uid:{number}", username=f"user{number}")
    report = world.done()
    assert len(report.told) == MOST_TOLD
    assert report.more == 50
    assert report.counts["elsewhere"] == MOST_TOLD + 50


def test_a_dry_run_tells_who_and_what_and_writes_nothing(crowd):
    """``--dry-run`` names whom a run would make, change and switch off, and leaves every row as it was."""
    crowd.source.put("uid:new", username="new")
    crowd.source.change("uid:3", email="new@example.test")
    crowd.source.remove("uid:4")
    crowd.source.put("uid:twin", username="New")
    crowd.source.put("uid:other", username="other")
    before, runs = crowd.snapshot(), crowd.history.last(100)
    report = crowd.sync(dry_run=True)
    assert (report.done, report.dry_run, report.applied) == (True, True, False)
    assert dict(report.planned) == {"user3": "updated", "user4": "deactivated, missing", "other": "created"}
    assert report.counts["unusable"] == 2
    assert crowd.snapshot() == before
    assert crowd.history.last(100) == runs
    assert crowd.done().counts["created"] == 1


def test_each_run_is_kept_and_old_ones_are_forgotten(crowd):
    """A run is in the history from its beginning; records older than ``sync.keep`` go."""
    begun = []
    crowd.clock.advance(60)
    crowd.synchronisation().run(progress=lambda *_: begun.extend(crowd.history.last(1)))
    assert begun[0].finished == 0
    assert crowd.history.last(1)[0].finished > 0
    crowd.clock.advance(1000)
    crowd.done(keep=500)
    assert len(crowd.history.last(100)) == 1


def test_a_run_is_told_to_the_log(crowd, caplog):
    """One line a run; a refusal is a warning."""
    caplog.set_level(logging.INFO, "saml_wsgi.sync")
    crowd.done()
    crowd.source.down = True
    crowd.sync()
    assert [(record.levelname, "corp" in record.getMessage()) for record in caplog.records] == [
        ("INFO", True),
        ("WARNING", True),
    ]


def test_progress_is_told_as_it_is_made(world):
    """Who watches sees each page, each user who is written and each who is settled."""
    world.source.page_size = 3
    for number in range(6):
        world.source.put(f"uid:{number}", username=f"user{number}")
    world.done()
    for number in range(3):
        world.source.change(f"uid:{number}", email="new@example.test")
    seen = []
    world.synchronisation().run(progress=lambda *told: seen.append(told))
    assert [told for told in seen if told[0] == "reading"] == [("reading", 3, 0), ("reading", 6, 0)]
    assert [told for told in seen if told[0] == "writing"] == [("writing", n, 3) for n in (1, 2, 3)]
    assert seen[-1] == ("settling", 3, 3)


@pytest.mark.parametrize("text", ["\ud800", "a\0b", "line\nline", "\x1b[31m", "x" * 5000, "由紀"])
def test_what_is_told_can_be_shown_and_kept(text):
    """Whatever a source calls somebody, a terminal and a database can take it."""
    shown = printable(text)
    assert shown.isprintable()
    assert shown.encode()
    assert len(shown) <= 256
