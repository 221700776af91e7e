"""When only what changed is read, and when everybody is."""

from __future__ import annotations

import pytest

from saml_wsgi.sync.run import _DAY


def once_read(crowd):
    """A source that tells what changed, read once."""
    crowd.source.tells_changes = True
    crowd.done(full=True)
    crowd.source.readings.clear()
    return crowd


@pytest.fixture
def telling(crowd):
    """The same."""
    return once_read(crowd)


def test_only_what_changed_is_read(telling):
    """A run after another reads whom the source changed, and switches nobody off whom it doesn't tell."""
    telling.source.change("uid:3", email="new@example.test")
    telling.source.put("uid:new", username="new")
    telling.source.remove("uid:5")
    report = telling.done()
    assert (report.kind, report.counts["read"]) == ("incremental", 2)
    assert telling.user("user3").email == "new@example.test"
    assert telling.user("new").active
    assert telling.user("user5").active
    assert telling.done().counts["read"] == 0


def test_everybody_is_read_now_and_then(telling):
    """When ``sync.full_every`` has passed everybody is read, and who is gone is switched off."""
    telling.source.remove("uid:5")
    telling.clock.advance(_DAY)
    report = telling.done()
    assert (report.kind, report.why) == ("full", "the last time is long enough ago")
    assert telling.user("user5").active is False
    assert telling.done().kind == "incremental"


def test_everybody_is_read_when_a_clock_was_set_back(telling):
    """A last time that lies in the future is none."""
    telling.clock.set(telling.clock.time() - 7200)
    assert telling.sync().kind == "full"


@pytest.mark.parametrize(
    ("options", "why"),
    [({"full": True}, "it was asked for"), ({"adopt": ("jit",)}, "the configuration changed")],
)
def test_everybody_is_read_when_somebody_wants_it(telling, options, why):
    """``--full`` and changed options read everybody."""
    report = telling.done(**options)
    assert (report.kind, report.why) == ("full", why)
    assert telling.source.readings == [""]


def test_everybody_is_read_each_time_where_that_is_configured(telling):
    """Without an interval there are no readings of changes."""
    assert telling.done(full_every=0).kind == "full"


def test_the_source_has_the_last_word_about_its_cursor(telling):
    """Where the source reads everybody all the same, who is gone is switched off."""
    telling.source.tells_changes = False
    telling.source.remove("uid:5")
    assert telling.done().kind == "full"
    assert telling.user("user5").active is False


def test_a_refused_run_does_not_move_the_cursor(telling):
    """What a refused run read is read again by the next one."""
    for number in range(6):
        telling.source.change(f"uid:{number}", active=False)
    telling.sync()
    telling.sync()
    assert len(set(telling.source.readings)) == 1


def test_whoever_could_not_be_made_is_read_again(telling):
    """Somebody gets the name while the run is under way: the next run reads from where this one began."""

    def meanwhile(step, done, total):
        if step == "reading":
            telling.make("new")

    telling.source.put("uid:new", username="new")
    telling.clock.advance(60)
    report = telling.synchronisation().run(progress=meanwhile)
    assert report.done
    assert [told.reason.partition(":")[0] for told in report.told] == ["conflict"]
    assert (report.counts["created"], report.counts["unusable"]) == (0, 1)
    telling.directory.remove(telling.user("new").id)
    assert telling.done().counts["created"] == 1
    assert telling.user("new").managed_by == "ldap:corp"
