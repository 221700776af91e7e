"""What stands in for a directory that can't be opened has every shape, and no answer."""

import pytest

from saml_wsgi.directories.unopened import Unopened
from saml_wsgi.errors import DirectoryUnavailable
from saml_wsgi.interfaces import AdministeredDirectory, AdministeredLinks, Attendance, GroupRegister
from saml_wsgi.model import Changes, Profile, User

CALLS = {
    "find": ("username", "ada"),
    "get": ("1",),
    "update": (User(id="1", username="ada"), Changes()),
    "saw": ("1", 1),
    "known_groups": (("staff",),),
    "everybody": (),
    "remove": ("1",),
    "follow": ("idp", "s"),
    "pin": ("idp", "s", "1"),
    "subject_of": ("idp", "1"),
    "listed": (),
    "unpin": ("idp", "s"),
    "repin": ("idp", "s", "1"),
}


@pytest.mark.parametrize("shape", [AdministeredDirectory, AdministeredLinks, Attendance, GroupRegister])
def test_it_has_every_shape(shape):
    """Whatever is asked for, it can be handed over."""
    assert isinstance(Unopened(), shape)


@pytest.mark.parametrize("call", CALLS)
def test_it_answers_nothing(call):
    """Nobody is found, made or signed in by it."""
    with pytest.raises(DirectoryUnavailable):
        getattr(Unopened(), call)(*CALLS[call])


def test_it_makes_nobody():
    """Nobody is created either."""
    with pytest.raises(DirectoryUnavailable):
        Unopened().create(Profile(username="ada"), managed_by="local")
