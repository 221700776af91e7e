"""What the pages say about matching, tables, resolvers, users and records is what happens."""

from __future__ import annotations

import inspect
import json
import re
import sqlite3
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from saml_wsgi import ConfigurationError
from saml_wsgi.resolvers import existing, jit
from tests.docs.reading import PAGES, ROOT, WIKI, Block, blocks, commands, run

DOCS = ROOT / "docs"


def inis(page: str, *having: str) -> list[Block]:
    """The inis of a page that have all of these texts in them."""
    return [block for block in blocks(DOCS / page, "ini") if all(text in block.text for text in having)]


def only(page: str, *having: str) -> Block:
    """The one ini of a page that has all of these texts in it."""
    (found,) = inis(page, *having)
    return found


def read_files(scene, page: str) -> None:
    """Write down every file that a page shows, and run its snippets, but load none of its inis."""
    for block in blocks(DOCS / page):
        if block.language != "ini":
            scene.reader.read(block)


# -- which user it is --


@pytest.mark.parametrize(
    ("arrives", "becomes"), [("Mara.L@example.com", "mara_l"), ("EXAMPLE\\ext-Zoe.K@a@b", "x_zoe_k@a")]
)
def test_what_arrives_is_changed_in_order(scene, arrives, becomes):
    """The page's ini cuts the domain, replaces line by line, and writes small letters."""
    application = scene.reader.load(only("resolvers.md", "cut_domain"))
    scene.idp.change_person("mara", email=arrives)
    assert scene.sign_in(application, "mara").username == becomes


@pytest.mark.parametrize(
    ("option", "becomes"),
    [
        ("cut_domain = yes", "Mara.L"),
        (r"replace = \. -> _", "Mara_L@example_com"),
        ("lower = yes", "mara.l@example.com"),
    ],
)
def test_the_table_of_changes_is_right(scene, option, becomes):
    """Each row of the table says what becomes of the address."""
    name, _, value = option.partition(" ")
    (row,) = [
        line
        for line in (DOCS / "resolvers.md").read_text(encoding="utf-8").splitlines()
        if line.startswith(f"| `attributes.<field>.{name}")
    ]
    assert row.endswith(f"`{becomes}` |")
    ini = Block(
        DOCS / "resolvers.md",
        1,
        "ini",
        "",
        f"attributes.display_name = email\nattributes.display_name.{name} {value}\n",
    )
    application = scene.reader.load(ini)
    scene.idp.change_person("mara", email="Mara.L@example.com")
    assert scene.sign_in(application, "mara").display_name == becomes


def test_names_are_composed(scene):
    """The page's format makes a display name of two attributes; without one of them there is none."""
    application = scene.reader.load(only("resolvers.md", "format"))
    assert scene.sign_in(application, "mara").display_name == "Mara Lindqvist"
    scene.idp.change_person("jose", lastname="")
    assert scene.sign_in(application, "jose").display_name == ""


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("\u0430dmin", "attribute_unusable"),  # Cyrillic and Latin
        ("ad\u200bmin", "name_id_refused"),  # refused in the message already
        ("\u041c\u0410\u0420\u0410", ""),  # all Cyrillic
    ],
)
def test_look_alikes_are_refused(scene, name, code):
    """A name that mixes scripts, or hides something, signs nobody in; one wholly in Cyrillic letters does."""
    scene.idp.change_app("wiki", nameid_field="username")
    scene.idp.add_person(scene.idp.person("mara").__class__(username=name, email="a@example.test"))
    application = scene.reader.load(Block(DOCS / "resolvers.md", 1, "ini", "", "resolvers = jit\n"))
    if not code:
        assert scene.sign_in(application, name).username == name
        return
    refusal = scene.refused(application, name)
    assert code == "name_id_refused" or code in refusal.text


@pytest.mark.parametrize(
    ("change", "comes_in"),
    [
        ({"email": "mara@example.com"}, True),
        ({"email": "mara@mail.example.com"}, False),
        ({"email": "mara@example.com", "groups": ("HR",)}, False),
        ({"email": "mara@example.org", "groups": ("Board", "Contractors")}, False),
    ],
)
def test_who_may_sign_in(scene, change, comes_in):
    """The page's lists: domains as a whole, one of the groups, and deny wins."""
    application = scene.reader.load(only("resolvers.md", "allow.domains"))
    scene.idp.change_person("mara", **change)
    if comes_in:
        assert scene.sign_in(application, "mara").email == change["email"]
    else:
        assert "not_allowed" in scene.refused(application, "mara").text


def test_what_jit_writes(scene):
    """The page's policies: on_create, never, clear and required, each once."""
    application = scene.reader.load(only("resolvers.md", "resolver.jit.on_create"))
    scene.idp.change_app("wiki", empty_fields="sent")
    first = scene.sign_in(application, "mara")
    assert (first.display_name, first.employee_id) == ("Mara Lindqvist", "")
    scene.idp.change_person("mara", displayname="M. L.", firstname="", lastname="")
    second = scene.sign_in(application, "mara")
    assert (second.display_name, second.first_name, second.last_name) == ("Mara Lindqvist", "Mara", "")
    scene.idp.change_app("wiki", nameid_field="username")
    scene.idp.change_person("jose", email="")
    assert "missing_attribute" in scene.refused(application, "jose").text


def test_defaults_are_for_new_users(scene):
    """The page's defaults fill what didn't arrive, with the username in its place."""
    application = scene.reader.load(only("resolvers.md", "resolver.jit.defaults"))
    scene.idp.change_app("wiki", attributes=(("email", "email"),))
    user = scene.sign_in(application, "mara")
    assert (user.display_name, user.employee_id) == ("mara@example.test", "unknown")


def test_existing_says_whom_to_ask(scene):
    """The page's sentence stands on the page that says no."""
    application = scene.reader.load(only("resolvers.md", "resolver.existing.ask"))
    assert "Ask Ines at the front desk for an account." in scene.refused(application, "mara").words


@pytest.mark.parametrize(("resolver", "factory"), [("jit", jit.factory), ("existing", existing.factory)])
def test_options_of_resolvers_exist_and_are_told(resolver, factory):
    """Each option of the two resolvers stands on the page, and no page names one that there isn't."""
    parameters = inspect.signature(factory).parameters.values()
    options = {parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY}
    named = {
        page: set(re.findall(rf"resolver\.{resolver}\.(\w+)(?!\w*…)", page.read_text(encoding="utf-8")))
        for page in [*PAGES, *ROOT.glob("examples/*/*.ini")]
    }
    for page, names in named.items():
        assert names <= {*options, "use"}, page
    text = (DOCS / "resolvers.md").read_text(encoding="utf-8")
    assert {name for name in options if f"`{name}`" in text} | named[DOCS / "resolvers.md"] >= options
    assert "`resolver.<name>.match`" in text


# -- the application's own table --


def _rows(path: str) -> list[object]:
    with closing(sqlite3.connect(path)) as database:
        return [*database.execute("SELECT * FROM staff"), *database.execute("PRAGMA table_info(staff)")]


def test_people_are_found_in_a_table_of_the_applications(scene):
    """The page's table and ini: Mara comes in as the row that she is, and the table stays as it was."""
    (snippet,) = blocks(DOCS / "own_table.md", "python")
    scene.reader.read(snippet)
    before = _rows("staff.db")
    application = scene.reader.load(only("own_table.md", "directory.table"), "wiki.ini")
    user = scene.sign_in(application, "mara")
    assert (user.id, user.username, user.display_name) == ("1", "mara", "Mara Lindqvist")
    assert "not_found" in scene.refused(application, "jose").text
    for words in (["list"], ["show"], ["disable"], ["enable"], ["unlink"]):
        result = run("users", *words, "wiki.ini", *([] if words == ["list"] else ["mara"]))
        assert result.exit_code == 0, result.output
    after = _rows("staff.db")
    assert after == before


def test_a_table_that_does_not_fit_does_not_start(scene):
    """All columns that aren't there are told at once, each under its option."""
    (snippet,) = blocks(DOCS / "own_table.md", "python")
    scene.reader.read(snippet)
    ini = only("own_table.md", "directory.table")
    wrong = ini.text.replace("= mail", "= e_mail").replace("= full_name", "= name")
    with pytest.raises(ConfigurationError) as refused:
        scene.reader.load(Block(ini.page, ini.line, "ini", "", wrong))
    keys = {problem.key for problem in refused.value.problems}
    assert {"directory.columns.email", "directory.columns.display_name"} <= keys


# -- your own --


def test_the_ten_lines_decide(scene):
    """The resolver that the page shows, from the page's ini: one group comes in, others are told no."""
    read_files(scene, "own_resolver.md")
    application = scene.reader.load(only("own_resolver.md", "resolver.staff.use"))
    assert scene.sign_in(application, "mara").id == "staff:mara@example.test"
    assert "not_allowed" in scene.refused(application, "jose").text
    (source,) = [block for block in blocks(DOCS / "own_resolver.md") if block.name == "staff.py"]
    assert len(source.text.split("class", 1)[1].splitlines()) <= 10


def test_the_chain_asks_the_next(scene):
    """Partners share a user, and everybody else is made just in time."""
    read_files(scene, "own_resolver.md")
    application = scene.reader.load(only("own_resolver.md", "resolver.partners.use"))
    assert scene.sign_in(application, "mara").managed_by.startswith("jit:")
    scene.idp.change_person("jose", groups=("Friends of the House",))
    assert scene.sign_in(application, "jose").id == "partner"


def test_a_directory_of_ones_own(scene):
    """The phone book on the page is a directory: Mara is found in it, José isn't."""
    read_files(scene, "own_resolver.md")
    application = scene.reader.load(only("own_resolver.md", "directory.use"))
    assert scene.sign_in(application, "mara").id == "7"
    assert "not_found" in scene.refused(application, "jose").text


def test_a_source_of_ones_own(scene):
    """The page's source adds a number to what the assertion says, and nothing for whom it doesn't know."""
    read_files(scene, "own_resolver.md")
    scene.idp.change_app("wiki", attributes=(("email", "email"), ("firstname", "firstname")))
    application = scene.reader.load(only("own_resolver.md", "source.badges.use"))
    user = scene.sign_in(application, "mara")
    assert (user.employee_id, user.first_name) == ("B-1001", "Mara")
    assert scene.sign_in(application, "jose").employee_id == ""


# -- users, and the way in --


@pytest.fixture
def wiki_ini(scene):
    """An application with `existing`, and the page's table of users imported."""
    ini = Block(DOCS / "users.md", 1, "ini", "", "resolvers = existing\nmatch = email\n")
    application = scene.reader.load(ini, "wiki.ini")
    (table,) = [block for block in blocks(DOCS / "users.md") if block.name == "people.csv"]
    scene.reader.read(table)
    for arguments in commands(DOCS / "users.md"):
        if "import" in arguments:
            result = run(*arguments)
            assert result.exit_code == 0, result.output
    return application


def test_the_table_of_users_is_imported(scene, wiki_ini):
    """Those of the table come in, with their groups."""
    user = scene.sign_in(wiki_ini, "mara")
    assert (user.first_name, user.groups) == ("Mara", ("editors", "hr"))


def test_what_is_listed_can_be_imported(wiki_ini, scene):
    """`users list --csv` prints what `users import` reads."""
    listed = run("users", "list", "wiki.ini", "--csv")
    (scene.reader.folder / "again.csv").write_text(listed.output, encoding="utf-8")
    result = run("users", "import", "wiki.ini", "again.csv")
    assert result.exit_code == 0, result.output
    assert "0 made, 0 changed" in result.output


def test_nobody_is_switched_off_who_was_seen(wiki_ini):
    """The page's command finds nobody on the first day."""
    shown = [each for each in commands(DOCS / "users.md") if "--unseen" in each]
    assert len(shown) == 2
    for arguments in shown:
        result = run(*arguments)
        assert result.exit_code == 0, result.output
    assert "0 users disabled" in result.output


def test_the_emergency_way_in(scene):
    """With the page's option its command makes an address that works once; without it there is none."""
    more = {"resolvers": "existing", "match": "email"}
    closed = scene.reader.load(Block(DOCS / "users.md", 1, "ini", "", "resolvers = existing\n"), "wiki.ini")
    assert run("users", "add", "wiki.ini", "mara", "--email", "mara@example.test").exit_code == 0
    (shown,) = [each for each in commands(DOCS / "users.md") if "let-in" in each]
    assert run(*shown).exit_code == 1
    assert scene.new_browser({WIKI: closed}).get(f"{WIKI}/saml/emergency?token=x").status == 404
    application = scene.reader.load(only("users.md", "emergency.sign_in"), "wiki.ini", more)
    printed = run(*shown)
    assert printed.exit_code == 0, printed.output
    address = next(line for line in printed.output.splitlines() if line.startswith(WIKI))
    browser = scene.new_browser({WIKI: application})
    page = browser.submit(browser.get(address), follow=True)
    assert urlsplit(page.url).path == "/"
    assert "mara@example.test" in page.text
    again = scene.new_browser({WIKI: application})
    assert "emergency_refused" in again.submit(again.get(address), follow=True).text


# -- what happened, and what would --


def test_what_would_happen_is_shown_and_not_done(scene):
    """The page's attributes as JSON: what a sign-in would do is printed, and nobody is made."""
    (attributes,) = blocks(DOCS / "records.md", "json")
    assert json.loads(attributes.text)["NameID"] == "mara@example.com"
    (scene.reader.folder / "mara.json").write_text(attributes.text, encoding="utf-8")
    scene.reader.load(Block(DOCS / "records.md", 1, "ini", "", "resolvers = jit\n"), "wiki.ini")
    (shown,) = [each for each in commands(DOCS / "records.md") if "mara.json" in each]
    result = run(*shown)
    assert result.exit_code == 0, result.output
    (told,) = [block for block in blocks(DOCS / "records.md", "text") if "Signed in" in block.text]
    assert told.text in result.output
    assert "mara" not in run("users", "list", "wiki.ini").output


def test_a_captured_response_is_explained(scene):
    """A response as it was posted is verified check by check, and a forged one says which check failed."""
    scene.reader.load(Block(DOCS / "records.md", 1, "ini", "", "resolvers = jit\n"), "wiki.ini")
    (shown,) = [each for each in commands(DOCS / "records.md") if "response.txt" in each]
    form = scene.idp.response("wiki", "mara", in_response_to="_asked")
    (scene.reader.folder / "response.txt").write_text(form.fields["SAMLResponse"], encoding="ascii")
    result = run(*shown)
    assert result.exit_code == 0, result.output
    assert "mara@example.test" in result.output


def test_records_hold_no_values_unless_told(scene):
    """By default a record has `…` where a value was written; with `records.values` it has the value."""
    application = scene.reader.load(Block(DOCS / "records.md", 1, "ini", "", "resolvers = jit\n"), "wiki.ini")
    scene.sign_in(application, "mara")
    kept = json.loads(run("logins", "wiki.ini", "--json").output)
    assert kept[0]["changes"]["first_name"] == "…"
    assert "Lindqvist" not in json.dumps(kept)
    more = {"records.values": "yes", "store.url": "sqlite:///other.db"}
    told = scene.reader.load(Block(DOCS / "records.md", 1, "ini", "", "resolvers = jit\n"), "wiki.ini", more)
    scene.sign_in(told, "mara")
    assert json.loads(run("logins", "wiki.ini", "--json").output)[0]["changes"]["first_name"] == "Mara"
