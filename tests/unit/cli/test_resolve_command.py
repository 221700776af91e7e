"""``saml-wsgi resolve``: what a sign-in would do is told in full, and nothing is done."""

from __future__ import annotations

import base64
import json
import sqlite3
import textwrap
from urllib.parse import quote

import pytest
from click.testing import CliRunner

from saml_wsgi.cli import main
from saml_wsgi.testing import SigningKey

MARA = {
    "NameID": "mara@example.test",
    "attributes": {"email": ["mara@example.test"], "firstname": ["Mara"], "memberOf": ["Staff", "Editors"]},
}
PERSON = {"username": "mara@example.test", "email": "mara@example.test", "managed_by": "jit:JumpCloud"}


class Resolving:
    """The command over a configuration; whatever it is given, the folder stays as it was."""

    def __init__(self, configured) -> None:
        self.wiki = configured

    def __call__(self, given, *options, stdin=None):
        if isinstance(given, dict):
            given = json.dumps(given).encode()
        if isinstance(given, bytes):
            (self.wiki.folder / "input").write_bytes(given)
            given = str(self.wiki.folder / "input")
        before = self.content()
        result = CliRunner().invoke(main, ["resolve", self.wiki.ini, given, *options], input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert self.content() == before, "something was written"
        return result

    def told(self, given, *options, code=0):
        """What it says to programs."""
        result = self(given, "--json", *options)
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    def content(self):
        """Every file beside the ini, and every row of every database."""
        found = {}
        for file in self.wiki.folder.iterdir():
            if file.suffix == ".db":
                connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
                found[file.name] = list(connection.iterdump())
                connection.close()
            elif file.is_file() and not file.name.endswith(("-shm", "-wal")):
                found[file.name] = file.read_bytes()
        return found


@pytest.fixture
def resolving(configured):
    """Makes the command over an ini with these options."""

    def make(options=""):
        return Resolving(configured(options))

    return make


@pytest.fixture
def posted(saml_idp):
    """Makes responses to a request."""

    def make(person="mara", **how):
        how.setdefault("in_response_to", "_asked")
        return saml_idp.response("wiki", person, **how)

    return make


@pytest.fixture
def plugged(tmp_path, monkeypatch):
    """Writes a module of somebody's, with a resolver of these lines; what names it in an ini."""

    def write(body, name="a_resolver_of_somebodys"):
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(body))
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.setattr("sys.dont_write_bytecode", True)
        monkeypatch.delitem(__import__("sys").modules, name, raising=False)
        return f"resolvers = theirs\nresolver.theirs.use = {name}:Resolver\n"

    return write


def fields(told):
    return {one["name"]: one for one in told["fields"]}


# -- who would be signed in --


def test_a_first_sign_in_makes_no_user_and_no_database(resolving, posted):
    """Who would be made is shown field by field and group by group; no file appears."""
    resolve = resolving()
    result = resolve(posted().message)
    assert result.exit_code == 0, result.output
    assert not (resolve.wiki.folder / "saml_wsgi.db").exists()
    said = " ".join(result.output.split())
    for line in (
        "Signed in: a new user, made by jit (managed by jit:JumpCloud)",
        "first_name - Mara saml:firstname",
        "joins Staff",
        "gets pinned to NameID:mara@example.test of JumpCloud",
        "Nothing is written.",
    ):
        assert line in said


def test_a_user_who_is_there_is_shown_now_and_then(resolving):
    """For each field: the value now, the value then, where from or why not; groups joined, left, kept."""
    resolve = resolving("groups.managed =\n  Staff*\n  Editors\n  Old\nresolver.jit.never = last_name\n")
    resolve.wiki.make(**PERSON, first_name="Maria", last_name="Old", groups=("Staff", "Old", "Chess"))
    asserted = {**MARA["attributes"], "lastname": ["New"], "memberOf": ["Staff", "Editors", "Singers"]}
    told = resolve.told({**MARA, "attributes": asserted})
    assert (told["code"], told["outcome"], told["resolver"]) == ("signed_in", "updated", "jit")
    found = fields(told)
    assert found["first_name"] == {
        "name": "first_name",
        "now": "Maria",
        "then": "Mara",
        "origin": "saml:firstname",
        "left": "",
    }
    assert (found["last_name"]["now"], found["last_name"]["then"]) == ("Old", "Old")
    assert "never" in found["last_name"]["left"]
    assert told["groups"]["joins"] == ["Editors"]
    assert told["groups"]["leaves"] == ["Old"]
    assert told["groups"]["stays"] == ["Chess", "Staff"]
    assert "groups.managed" in told["groups"]["left"]["Singers"]
    assert told["before"]["first_name"] == "Maria"
    assert [one["what"] for one in told["would_write"]] == ["pin", "update"]
    said = " ".join(resolve(MARA).output.split())
    assert "first_name Maria Mara saml:firstname" in said
    assert "leaves Old" in said


def test_a_link_that_is_there_is_shown(resolving):
    """Who is pinned already is said to be, and isn't pinned again."""
    resolve = resolving()
    user = resolve.wiki.make(**PERSON)
    resolve.wiki.parts().links.pin("JumpCloud", "NameID:mara@example.test", user.id)
    told = resolve.told(MARA)
    assert told["pinned"] == "NameID:mara@example.test"
    assert [one["what"] for one in told["would_write"]] == ["update"]
    assert "is pinned to" in resolve(MARA).output


def test_a_switched_off_user_who_would_be_switched_on(resolving):
    """What happens to a user beside its fields is shown among them."""
    resolve = resolving("resolver.jit.reactivate = yes\n")
    user = resolve.wiki.make(**PERSON)
    from saml_wsgi.model import Changes

    resolve.wiki.parts().directory.update(user, Changes({"active": False}))
    told = resolve.told(MARA)
    assert (fields(told)["active"]["now"], fields(told)["active"]["then"]) == ("no", "yes")


# -- who would not --


@pytest.mark.parametrize(
    ("options", "given", "code"),
    [
        ("resolvers = existing\n", MARA, "not_found"),
        ("allow.groups = Finance\n", MARA, "not_allowed"),
        ("resolver.jit.required = last_name\n", MARA, "missing_attribute"),
        ("", {"color": "red"}, "missing_attribute"),
        ("match = email\n", {"NameID": "mara", "email": "no address"}, "attribute_unusable"),
    ],
)
def test_a_refusal_is_shown_as_the_person_would_read_it(resolving, options, given, code):
    """The outcome has its code, the operator's detail, and the page."""
    resolve = resolving(options)
    result = resolve(given)
    assert result.exit_code == 1
    assert f"Refused: {code}" in result.output
    assert "The person would read (HTTP 403)" in result.output
    told = resolve.told(given, code=1)
    assert (told["code"], told["page"]["status"]) == (code, 403)
    assert told["detail"]
    assert told["user"] is None


def test_somebody_elses_user(resolving):
    """A user whom another one keeps is refused as at a sign-in."""
    resolve = resolving()
    resolve.wiki.make("mara@example.test", managed_by="ldap:corporate")
    assert resolve.told(MARA, code=1)["code"] == "managed_elsewhere"


def test_what_would_be_written_before_a_refusal_is_told(resolving, plugged):
    """A resolver that writes and refuses then has written: that is shown, too."""
    options = plugged(
        """
        from saml_wsgi.model import Denied, Profile

        class Resolver:
            def __init__(self, context):
                self.directory = context.directory

            def resolve(self, assertion):
                self.directory.create(Profile(username="half"), managed_by="local")
                return Denied("not_allowed", "second thoughts", "Come back tomorrow.")
        """
    )
    resolve = resolving(options)
    result = resolve(MARA)
    assert result.exit_code == 1
    assert "Written before it was refused" in result.output
    assert "(half)" in result.output
    assert "Come back tomorrow." in result.output


def test_a_resolver_that_fails_is_told_with_the_place(resolving, plugged):
    """An error in a resolver is an internal error for the person, and a line number for the operator."""
    options = plugged(
        """
        class Resolver:
            def __init__(self, context):
                pass

            def resolve(self, assertion):
                raise KeyError("badge")
        """
    )
    told = resolving(options).told(MARA, code=1)
    assert (told["code"], told["page"]["status"]) == ("internal_error", 500)
    assert "KeyError: 'badge'" in told["detail"]
    assert "a_resolver_of_somebodys.py, line 7" in told["detail"]


def test_something_that_does_not_answer_is_try_again(resolving, plugged):
    """What is needed and doesn't answer is told as the person would be told."""
    options = plugged(
        """
        from saml_wsgi.errors import SourceUnavailable

        class Resolver:
            def __init__(self, context):
                pass

            def resolve(self, assertion):
                raise SourceUnavailable("the personnel office is closed")
        """
    )
    told = resolving(options).told(MARA, code=1)
    assert (told["code"], told["page"]["status"]) == ("source_unavailable", 503)
    assert "closed" in told["detail"]


# -- what it is given --


@pytest.mark.parametrize("form", ["xml", "base64", "lines", "body", "escaped", "spaced"])
def test_a_response_is_taken_in_whatever_form_it_was_captured(resolving, posted, form):
    """XML, base64 (also in lines), the form's body, and the value as it stands in it are the same."""
    response = posted(relay_state="somewhere")
    text = response.fields["SAMLResponse"]
    given = {
        "xml": b"\xef\xbb\xbf" + response.message + b"\n",
        "base64": text.encode(),
        "lines": "\r\n".join(textwrap.wrap(text, 76)).encode(),
        "body": response.body + b"\n",
        "escaped": quote(text, safe="").encode(),
        "spaced": b"\n\n" + response.message.rstrip(),
    }[form]
    told = resolving().told(given)
    assert told["input"] == "response"
    assert told["acceptable"] is True
    assert told["asserted"]["NameID"] == "mara@example.test"
    assert told["asserted"]["attributes"]["memberOf"] == ["Staff", "Wiki Editors", "Engineering (Backend)"]


def test_the_standard_input_is_taken_too(resolving, posted):
    """- stands for it."""
    assert resolving()("-", stdin=posted().body).exit_code == 0
    assert resolving()("-", stdin=json.dumps(MARA)).exit_code == 0


@pytest.mark.parametrize(
    "given", [MARA, {"NameID": MARA["NameID"], **MARA["attributes"]}, {"email": "mara@example.test"}]
)
def test_attributes_are_taken_nested_or_flat(resolving, given):
    """Attributes as JSON need no response; a text alone is a list of one."""
    told = resolving().told(given)
    assert (told["input"], told["acceptable"], told["checks"]) == ("attributes", None, [])
    assert told["user"]["email"] == "mara@example.test"


UNUSABLE = [
    ("nothing", b" \n", "is empty"),
    ("a sentence", b"Sign me in, please!", "This is no response"),
    ("broken JSON", b'{"email": ', "JSON"),
    ("deep JSON", b'{"email": ' + b"[" * 20_000, "JSON"),
    ("a number", b'{"email": 7}', "email"),
    ("a dictionary", b'{"attributes": {"email": {"a": "b"}}}', "email"),
    ("a NameID that isn't text", b'{"NameID": ["a"]}', "NameID"),
    ("attributes and others", b'{"attributes": {}, "email": "a@x.test"}', "email"),
    ("not UTF-8", b'{"email": "\xff"}', "JSON"),
    ("two of a field", b"SAMLResponse=YQ==&SAMLResponse=YQ==", "twice"),
    ("huge", b"A" * 2_000_000, "more than"),
    ("huge JSON", b'{"email": "' + b"a" * 2_000_000 + b'"}', "more than"),
]


@pytest.mark.parametrize(("given", "why"), [pytest.param(*row[1:], id=row[0]) for row in UNUSABLE])
def test_unusable_input_ends_with_2(resolving, given, why):
    """What can't be a response or attributes is told apart from a refusal."""
    result = resolving()(given)
    assert result.exit_code == 2
    assert why in result.output


def test_a_file_that_is_not_there_ends_with_2(resolving):
    """So does a name of nothing."""
    assert resolving()("/nowhere/at/all").exit_code == 2


def test_a_configuration_that_does_not_start_ends_with_2(resolving):
    """The problems are those that `check` shows, on the standard error."""
    result = resolving("match = shoe_size\nresolvers = magic\n")(MARA)
    assert result.exit_code == 2
    assert "shoe_size" in result.stderr
    assert "magic" in result.stderr
    assert "Zk3q9vT1xR7bW5nY2mJ8cL4hD6fG0sPa" not in result.output


def test_hostile_messages_are_refused_and_explained(resolving):
    """The bounds of a sign-in hold: what is beyond them is a response that is refused."""
    told = resolving().told(base64.b64encode(b"<a>" * 5000), code=1)
    assert told["code"] == "shape_refused"
    told = resolving().told(b"<a>" + b" " * 300_000 + b"</a>", code=1)
    assert told["code"] == "message_too_large"


def test_nothing_from_outside_commands_the_terminal(resolving):
    """Control characters, also those of XML 1.0 and JSON, are written out."""
    hostile = {"NameID": "mara", "attributes": {"\x9b31m": ["\x1b]0;owned\x07", "\u202eevil"]}}
    result = resolving()(hostile)
    assert result.exit_code == 0
    for character in "\x9b\x1b\x07\u202e":
        assert character not in result.output
    assert "\\x1b]0;owned\\x07" in result.output


# -- time --


def test_an_expired_response_is_marked_and_tried(resolving, posted, saml_clock):
    """That it expired since it was captured is said, and is no obstacle."""
    old = posted(now=saml_clock.time() - 86_400)
    resolve = resolving()
    result = resolve(old.message)
    assert result.exit_code == 0
    assert "expired meanwhile" in result.output
    assert "was acceptable when it was issued, and expired since" in " ".join(result.output.split())
    assert "Signed in" in result.output
    then = str(int(saml_clock.time()) - 86_400)
    assert "expired meanwhile" not in resolve(old.message, "--at", then).output


def test_another_time_can_be_given(resolving, posted):
    """--at decides, in both forms; a response from its future is refused."""
    told = resolving().told(posted().message, "--at", "2001-02-03T04:05:06Z", code=1)
    assert told["at"] == "2001-02-03T04:05:06Z"
    assert told["code"] == "not_yet_valid"


@pytest.mark.parametrize("time", ["yesterday", "2026-01-31T08:15:00", "2026-01-31", "-5", "9" * 30])
def test_a_time_that_is_none_ends_with_2(resolving, posted, time):
    """A time needs a time zone."""
    result = resolving()(posted().message, f"--at={time}")
    assert result.exit_code == 2
    assert "--at" in result.output


# -- what isn't verified --


WITNESS = """
    class Resolver:
        def __init__(self, context):
            pass

        def resolve(self, assertion):
            raise AssertionError("it was asked")
    """


def test_resolvers_never_see_what_is_not_verified(resolving, posted, plugged):
    """A response that isn't acceptable is explained, and no resolver is asked about it."""
    resolve = resolving(plugged(WITNESS))
    for forged in (
        posted(key=SigningKey.cached("another")),
        posted(sign="none"),
        posted(sp_entity_id="urn:x"),
    ):
        told = resolve.told(forged.message, code=1)
        assert told["acceptable"] is False
        assert told["code"] in {"signature_invalid", "signature_missing", "audience_mismatch"}
        assert told["would_write"] == []
    asked = resolve.told(posted().message, code=1)
    assert "it was asked" in asked["detail"], "the witness works"


def test_a_refused_response_is_explained_check_by_check(resolving, posted):
    """Every check with its result; the failed one with what was expected, what came, and a hint."""
    result = resolving()(posted(sp_entity_id="https://wiki.example.test/").message)
    assert result.exit_code == 1
    said = " ".join(result.output.split())
    assert "The response would be refused: audience_mismatch" in said
    assert "ok signature of the Response" in said
    assert "FAILED Audience (our SP Entity ID) [audience_mismatch]" in said
    assert "expected https://wiki.example.test/saml/metadata received https://wiki.example.test/ ->" in said
    assert "Signed in" not in said
    assert "response_refused" not in said
    assert "The answer of the identity provider was not accepted." in said, (
        "no more than that is shown outside"
    )


def test_unverified_is_tried_only_when_told_and_loudly(resolving, posted):
    """--unverified shows what would happen if it were acceptable, under a heading nobody overlooks."""
    forged = posted(key=SigningKey.cached("another"))
    resolve = resolving()
    assert "NOT VERIFIED" not in resolve(forged.message).output
    result = resolve(forged.message, "--unverified")
    assert result.exit_code == 0
    assert "NOT VERIFIED" in result.output
    assert "Signed in: a new user" in result.output
    told = resolve.told(forged.message, "--unverified")
    assert (told["acceptable"], told["code"]) == (False, "signed_in")


def test_unverified_cannot_try_what_nobody_can_read(resolving):
    """What isn't a response has nothing to try."""
    result = resolving()(b"<a/>", "--unverified")
    assert result.exit_code == 1
    assert "NOT VERIFIED" not in result.output
    assert "shape_refused" in result.output


def test_a_status_is_the_identity_providers_no(resolving, saml_idp):
    """What the person would read has the reason in words."""
    form = saml_idp.error_response("wiki", "Responder", "RequestDenied", in_response_to="_asked")
    result = resolving()(form.body)
    assert result.exit_code == 1
    assert "Refused: idp_refused" in result.output
    assert "It doesn't allow you to use this application." in result.output


# -- other places for users --


def test_users_elsewhere_than_sessions(resolving):
    """With sessions in memory and a database of users that isn't made yet, it works as well."""
    resolve = resolving("store.url = memory:\ndirectory.url = sqlite:///%(here)s/users.db\n")
    assert resolve.told(MARA)["outcome"] == "created"
    assert not (resolve.wiki.folder / "users.db").exists()


def test_links_that_are_off(resolving):
    """Where nobody is pinned, nothing is said of links."""
    resolve = resolving("link.source = off\n")
    result = resolve(MARA)
    assert result.exit_code == 0
    assert "Links" not in result.output
