"""The values that the stages hand each other."""

from __future__ import annotations

import dataclasses

import pytest

from saml_wsgi import model
from saml_wsgi.model import (
    FIELDS,
    Assertion,
    Changes,
    Event,
    PendingRequest,
    Profile,
    Resolution,
    Session,
    User,
)

VALUES = [kind for kind in vars(model).values() if dataclasses.is_dataclass(kind)]


@pytest.mark.parametrize("kind", VALUES)
def test_values_are_frozen(kind):
    """No stage can change what another one holds, nor add to it."""
    assert kind.__dataclass_params__.frozen
    assert hasattr(kind, "__slots__")


def test_fields_are_fields():
    """Each name in FIELDS is a field of a profile and of a user, read by the same method."""
    for number, name in enumerate(FIELDS):
        assert Profile(**{name: f"v{number}"}).value(name) == f"v{number}"
        assert User(**{"id": "1", "username": "u", name: f"v{number}"}).value(name) == f"v{number}"
    assert Profile().value("email") is None
    assert User("1", "u").value("email") == ""


def test_defaults_are_shared_and_can_not_be_changed():
    """A value that was left out is empty for everybody, for good."""
    for mapping in (
        Profile().origins,
        Resolution(User("1", "u")).origins,
        Event("x").fields,
        Changes().values,
    ):
        assert mapping == {}
        with pytest.raises(TypeError):
            mapping["x"] = 1


def test_changes_that_change_nothing_are_false():
    """Whether there is anything to write can be asked directly."""
    assert not Changes()
    assert Changes({"active": False})


def test_names_of_the_values():
    """These are the values that others build on."""
    assert {PendingRequest, Assertion, Profile, User, Changes, Resolution, Session, Event} <= set(VALUES)
