"""The groups cookbook: what stands left of an arrow arrives, what stands right of it the application sees."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.docs.reading import ROOT, Block, blocks

PAGE = ROOT / "docs" / "groups.md"
RECIPES = [
    pytest.param(ini, line, id=f"{ini.line}: {line}")
    for ini, told in pairwise(blocks(PAGE, "ini", "text"))
    if (ini.language, told.language) == ("ini", "text")
    for line in told.text.splitlines()
]


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split("|"))


def _signed_in(scene, ini: Block, *arriving: tuple[str, ...] | None) -> tuple[str, ...]:
    """Mara's groups after she came with each of these groups in turn; None: no attribute."""
    application = scene.reader.load(ini)
    attribute = "roles" if "attributes.groups = roles" in ini.text else "memberOf"
    for groups in arriving:
        scene.idp.change_app("wiki", group_attribute="" if groups is None else attribute)
        scene.idp.change_person("mara", groups=groups or ())
        user = scene.sign_in(application, "mara")
    return user.groups


def test_there_are_recipes():
    """The recipes of the page are found."""
    assert len(RECIPES) >= 12


@pytest.mark.parametrize(("ini", "line"), RECIPES)
def test_recipes_do_what_they_say(scene, ini, line):
    """What arrives becomes what the page says."""
    arrives, becomes = line.split(" → ")
    groups = None if arrives == "(absent)" else _names(arrives)
    assert sorted(_signed_in(scene, ini, groups)) == sorted(_names(becomes))


def test_managed_groups_follow_and_others_stay(scene):
    """The recipe about the application's own groups: what it manages itself is left alone, and told."""
    (ini,) = [block for block in blocks(PAGE, "ini") if "groups.managed" in block.text]
    application = scene.reader.load(ini)
    scene.idp.change_person("mara", groups=("wiki-readers",))
    user = scene.sign_in(application, "mara")
    from saml_wsgi import Changes
    from saml_wsgi.directories.sql import SQLDirectory

    directory = SQLDirectory(f"sqlite:///{scene.reader.folder}/saml_wsgi.db")
    directory.update(user, Changes({"groups": ("lunch", "wiki-readers")}))
    scene.idp.change_person("mara", groups=("wiki-editors", "admins"))
    assert scene.sign_in(application, "mara").groups == ("lunch", "wiki-editors")


def test_absent_leaves_and_empty_takes(scene):
    """The page's table: without the attribute groups stay, with an empty one they go; the default stays."""
    (ini,) = [block for block in blocks(PAGE, "ini") if "groups.default" in block.text]
    assert _signed_in(scene, ini, ("editors",), None) == ("editors", "users")
    scene.idp.change_app("wiki", empty_fields="sent")
    assert _signed_in(scene, ini, ("editors",), ()) == ("users",)
