"""Options become objects: what is wrong is told at once, under its key, and what is right fits together."""

from __future__ import annotations

import importlib
import logging
import sys
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from lxml import etree

from saml_wsgi import ConfigurationError, SAMLMiddleware, examination, from_options
from saml_wsgi.testing.keys import SigningKey

SECRET = "hB2vKx7QeTn4WmZ9RcYs6LpUd3FaGj8N"
WIKI = "https://wiki.example.test"

PLUGIN = '''
from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Optional

from saml_wsgi.errors import ConfigurationError, DirectoryUnavailable, Problem
from saml_wsgi.resolvers import JITResolver

if TYPE_CHECKING:
    from nowhere import Nowhere

SEEN = []


class Staff:
    """A resolver with options of its own."""

    def __init__(self, context, *, table, quiet="no"):
        SEEN.append((context, table, quiet))

    def resolve(self, assertion):
        return None


class Nested:
    Inside = Staff


class Typed:
    def __init__(
        self,
        context,
        *,
        limit: int = 1,
        ratio: float = 1.0,
        strict: bool = True,
        wait: timedelta | None = None,
        names: list[str] = [],
        groups: Optional[Sequence[str]] = None,
        codes: frozenset[int] = frozenset(),
        label: str | None = None,
        plain="",
        odd: dict[str, str] | None = None,
        unknown: Nowhere | None = None,
        **more: int,
    ) -> None:
        given = dict(
            limit=limit, ratio=ratio, strict=strict, wait=wait, names=names, groups=groups, codes=codes,
            label=label, plain=plain,
        )
        SEEN.append(given | more)

    def resolve(self, assertion: Any, /, trace: bool = False) -> None:
        return None


def limited(other, context, limit: Optional[int]):
    SEEN.append(limit)
    return Staff(context, table="x") if other == "never" else Quiet()


class Quiet:
    def resolve(self, assertion):
        return None


class Callable:
    def __call__(self, context, limit: Optional[int]):
        return limited("x", context, limit)


partly = functools.partial(limited, "x")
called = Callable()


def without_options(context):
    return Staff(context, table="x")


def shapeless(context):
    return object()


def picky(context, **options):
    raise ConfigurationError(Problem(context.key("table"), "it is odd.", "Make it even."))


def buggy(context):
    raise TypeError("a bug of mine")


def indiscreet(context, *, password):
    raise ValueError(f"it is {password}")


def talkative(context, *, password, user, zone):
    raise ValueError(f"{password} of {user} in {zone}")


def curious(context):
    context.directory.find("username", "ada")
    return Quiet()


def waiting(context):
    raise DirectoryUnavailable("it sleeps")


def positional(context, other, /):
    return Quiet()


def no_context():
    return Quiet()


def made_a_class(context):
    return Quiet


class NoArgument:
    def __init__(self, context):
        pass

    def resolve(self):
        return None


class TwoArguments(NoArgument):
    def resolve(self, assertion, context):
        return None


class Keyword(NoArgument):
    def resolve(self, *, assertion):
        return None


class Awaited(NoArgument):
    async def resolve(self, assertion):
        return None


class Ours(JITResolver):
    pass


number = 7
'''


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """A module of the application's own, importable as ``staff_plugin``."""
    (tmp_path / "staff_plugin.py").write_text(PLUGIN)
    (tmp_path / "broken_plugin.py").write_text("import a_module_that_is_nowhere\n")
    (tmp_path / "leaving_plugin.py").write_text("raise SystemExit(0)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("staff_plugin")
    for name in ("staff_plugin", "broken_plugin"):
        sys.modules.pop(name, None)


@pytest.fixture
def good(saml_idp, tmp_path):
    """Options that work; with changes, of which None removes one."""

    def options(changes=None):
        chosen = {
            "base_url": WIKI,
            "idp.metadata": saml_idp.metadata("wiki"),
            "session.secret": SECRET,
            "store.url": f"sqlite:///{tmp_path}/wiki.db",
            **(changes or {}),
        }
        return {key: value for key, value in chosen.items() if value is not None}

    return options


def app(environ, start_response):
    start_response("200 OK", [])
    return [b""]


def problems(options):
    """Every problem that keeps it from starting, by key."""
    with pytest.raises(ConfigurationError) as error:
        from_options(app, options)
    return {problem.key: problem for problem in error.value.problems}


def test_good_options(good):
    """Three options, and a place to keep things, make a middleware."""
    middleware = from_options(app, good())
    assert isinstance(middleware, SAMLMiddleware)
    assert middleware.app is app
    assert middleware.provider.entity_id == f"{WIKI}/saml/metadata"
    assert middleware.provider.acs_url == f"{WIKI}/saml/acs"


def test_everything_that_is_badly_written_is_told_at_once(good):
    """Several bad values are one error with all of their keys."""
    found = problems(
        good({"base_url": "wiki", "session.secret": "short", "idp.clock_skew": "soon", "nonsense": "1"})
    )
    assert set(found) == {"base_url", "session.secret", "idp.clock_skew", "nonsense"}
    assert all(problem.reason and problem.cure for problem in found.values())


def test_everything_that_does_not_work_is_told_at_once(good, tmp_path):
    """Bad patterns, metadata, plug-ins, folders and databases are one error with all of their keys."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "refused.html").write_text("{% if %}")
    found = problems(
        good(
            {
                "public": "/a*\nb",
                "api": "nope",
                "idp.metadata": "<html>",
                "pages.templates": str(tmp_path / "templates"),
                "resolvers": "staff",
                "resolver.staff.use": "no_such_module:thing",
            }
        )
    )
    assert {"public", "api", "idp.metadata", "resolver.staff.use"} <= set(found)


def test_everything_at_once(good):
    """A value that is badly written doesn't hide what doesn't work (promise 4)."""
    found = problems(
        good(
            {
                "idp.clock_skew": "soon",
                "public": "/a*",
                "resolvers": "staff",
                "resolver.staff.use": "no_such_module:x",
            }
        )
    )
    assert set(found) == {"idp.clock_skew", "public", "resolver.staff.use"}


BROKEN = {
    "public": "/a*",
    "idp.clock_skew": "soon",
    "resolvers": "staff odd",
    "resolver.staff.use": "no_such_module:x",
    "resolver.odd.use": "staff_plugin:Typed",
    "resolver.odd.limit": "many",
}


@pytest.mark.parametrize("database", ["no folder", "damaged", "memory", "a folder of its own"])
def test_what_is_wrong_with_the_database_hides_nothing(good, saml_idp, plugin, tmp_path, database):
    """Plug-ins, templates and metadata are tried even where the database can't be opened (promise 4)."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "refused.html").write_text("{% if %}")
    (tmp_path / "damaged.db").write_text("no database at all, but long enough to be looked at" * 40)
    (tmp_path / "damaged.db").chmod(0o600)
    urls, key = {
        "no folder": ({"store.url": f"sqlite:///{tmp_path}/nowhere/x.db"}, "store.url"),
        "damaged": ({"store.url": f"sqlite:///{tmp_path}/damaged.db"}, "store.url"),
        "memory": ({"store.url": "memory:"}, "directory.url"),
        "a folder of its own": ({"directory.url": f"sqlite:///{tmp_path}/nowhere/x.db"}, "directory.url"),
    }[database]
    service = '<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="x"/>'
    given = {"idp.metadata": service, "pages.templates": str(tmp_path / "templates")}
    report = examination.check(good({**BROKEN, **urls, **given}), here=str(tmp_path))
    assert {problem.key for problem in report.problems} == {
        "public",
        "idp.clock_skew",
        "resolver.staff.use",
        "resolver.odd.limit",
        "pages.templates",
        "idp.metadata",
        key,
    }


def test_a_database_that_is_down_is_one_problem(good, plugin, tmp_path):
    """A plug-in that asks for users while it is made isn't blamed for a directory that can't be opened."""
    options = {"resolvers": "staff", "resolver.staff.use": "staff_plugin:curious"}
    wrong = {"directory.url": f"sqlite:///{tmp_path}/nowhere/x.db"}
    assert set(problems(good({**options, **wrong}))) == {"directory.url"}


def test_a_plugin_whose_own_source_is_down(good, plugin):
    """What a factory itself can't reach is its problem."""
    found = problems(good({"resolvers": "staff", "resolver.staff.use": "staff_plugin:waiting"}))
    assert "it sleeps" in found["resolver.staff.use"].reason


def test_the_order_is_told_beside_a_resolver_that_can_not_be_loaded(good):
    """One bad resolver doesn't hide that others stand in the wrong order."""
    options = {"resolvers": "jit existing staff", "resolver.staff.use": "no_such_module:x"}
    assert set(problems(good(options))) == {"resolvers", "resolver.staff.use"}


def test_a_certificate_of_theirs_with_a_weak_key(good):
    """One rule for the strength of keys, whether they stand in metadata or in `idp.certificate`."""
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "weak")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, weak.public_key(), 1, now, now + timedelta(days=400))
    certificate = builder.sign(weak, hashes.SHA256())
    explicit = {
        "idp.metadata": None,
        "idp.entity_id": "JumpCloud",
        "idp.sso_url": "http://not.a.loopback",
        "idp.certificate": certificate.public_bytes(Encoding.PEM).decode(),
    }
    found = problems(good(explicit))
    assert set(found) == {"idp.sso_url", "idp.certificate"}
    assert "2048 bits" in found["idp.certificate"].reason


# -- resolvers --


@pytest.mark.parametrize("name", ["Staff", "Nested.Inside"])
def test_a_resolver_of_ones_own(good, plugin, name):
    """`module:attribute` is called with the context and its options, and asked at sign-ins."""
    middleware = from_options(
        app,
        good(
            {
                "resolvers": "staff jit",
                "resolver.staff.use": f"staff_plugin:{name}",
                "resolver.staff.table": "people",
                "match": "email",
                "link.source": "employee NameID",
            }
        ),
    )
    ((context, table, quiet),) = plugin.SEEN
    assert (context.name, context.match, context.link_source) == ("staff", "email", ("employee", "NameID"))
    assert context.links is not None
    assert (table, quiet) == ("people", "no")
    assert [name for name, _ in middleware._resolver._resolvers] == ["staff", "jit"]


def test_without_links(good, plugin):
    """With `link.source = off` nobody is linked."""
    from_options(
        app,
        good(
            {"resolvers": "staff", "resolver.staff.use": "staff_plugin:without_options", "link.source": "off"}
        ),
    )
    assert plugin.SEEN[0][0].links is None


@pytest.mark.parametrize(
    ("use", "options", "reason"),
    [
        pytest.param("nope", {}, "there is no resolver 'nope'", id="no entry point"),
        pytest.param("no_such_module:thing", {}, "No module named", id="no module"),
        pytest.param("staff_plugin:nothing", {}, "nothing", id="no attribute"),
        pytest.param("staff_plugin:Nested.nothing", {}, "nothing", id="no inner attribute"),
        pytest.param("broken_plugin:x", {}, "a_module_that_is_nowhere", id="its imports fail"),
        pytest.param("staff_plugin:number", {}, "can't be called", id="not callable"),
        pytest.param("leaving_plugin:x", {}, "SystemExit", id="it ends the process"),
        pytest.param("staff_plugin:positional", {}, "missing a required", id="more than a context"),
        pytest.param("staff_plugin:no_context", {}, "too many positional", id="no context"),
        pytest.param("staff_plugin:shapeless", {}, "no method resolve", id="no resolver"),
        pytest.param("staff_plugin:NoArgument", {}, "can't be called as resolve(assertion)", id="takes none"),
        pytest.param(
            "staff_plugin:TwoArguments", {}, "can't be called as resolve(assertion)", id="takes two"
        ),
        pytest.param("staff_plugin:Keyword", {}, "can't be called as resolve(assertion)", id="by keyword"),
        pytest.param("staff_plugin:made_a_class", {}, "can't be called as resolve(assertion)", id="a class"),
        pytest.param("staff_plugin:Awaited", {}, "coroutine", id="a coroutine"),
        pytest.param("staff_plugin:buggy", {}, "raised TypeError: a bug of mine (", id="it raises"),
        pytest.param("staff_plugin:Ours", {}, "isn't made from a context", id="made as ours"),
        pytest.param("saml_wsgi.resolvers.jit:JITResolver", {}, "isn't made from a context", id="jit itself"),
        pytest.param("saml_wsgi.resolvers:ExistingResolver", {}, "isn't made from", id="existing itself"),
    ],
)
def test_resolvers_that_can_not_be_made(good, plugin, use, options, reason):
    """What is wrong with a plug-in is told under the key that names it."""
    given = {f"resolver.staff.{name}": value for name, value in options.items()}
    found = problems(good({"resolvers": "staff", "resolver.staff.use": use, **given}))
    assert set(found) == {"resolver.staff.use"}
    assert reason in found["resolver.staff.use"].reason
    assert found["resolver.staff.use"].cure


def test_the_known_resolvers_are_named(good):
    """Whoever mistypes a resolver's name is told which there are."""
    found = problems(good({"resolvers": "jti", "resolver.jti.use": "jti"}))
    assert "existing, jit" in found["resolver.jti.use"].cure


def test_a_factory_may_complain_itself(good, plugin):
    """A factory's own problem is told under its own key, beside everybody else's."""
    found = problems(
        good(
            {
                "public": "x",
                "resolvers": "staff",
                "resolver.staff.use": "staff_plugin:picky",
                "resolver.staff.table": "7",
            }
        )
    )
    assert set(found) == {"public", "resolver.staff.table"}
    assert found["resolver.staff.table"].reason == "it is odd."


def test_a_factory_that_raises_does_not_show_its_options(good, plugin):
    """What a factory raises is told with its place, without the value of an option, which may be secret."""
    options = {"resolver.staff.use": "staff_plugin:indiscreet", "resolver.staff.password": "hunter2-hunter2"}
    (problem,) = problems(good({"resolvers": "staff", **options})).values()
    assert problem.key == "resolver.staff.use"
    assert "ValueError: it is <resolver.staff.password> (" in problem.reason
    assert "staff_plugin.py, line " in problem.reason
    assert "hunter2" not in str(problem)


def test_of_a_secret_that_holds_another_nothing_is_left(good, plugin):
    """A value within a longer one doesn't uncover the rest of it, nor is what is shown replaced again."""
    secrets = {"password": "hunter2-hunter2", "user": "hunter", "zone": "resolver"}
    given = {f"resolver.staff.{name}": value for name, value in secrets.items()}
    use = {"resolvers": "staff", "resolver.staff.use": "staff_plugin:talkative"}
    (problem,) = problems(good({**use, **given})).values()
    assert "<resolver.staff.password> of <resolver.staff.user> in <resolver.staff.zone>" in problem.reason
    assert "hunter" not in str(problem)


def test_what_is_ours_has_a_name(good):
    """Whoever names our class is told the entry point."""
    found = problems(good({"resolvers": "staff", "resolver.staff.use": "saml_wsgi.resolvers:JITResolver"}))
    assert found["resolver.staff.use"].cure == "Write resolver.staff.use = jit."


def test_a_module_that_is_not_found_can_be_installed(good):
    """Whoever names a module that Python doesn't find is told how it does."""
    found = problems(good({"resolvers": "staff", "resolver.staff.use": "no_such_module:x"}))
    assert "PYTHONPATH" in found["resolver.staff.use"].cure
    assert found["resolver.staff.use"].reason.endswith("No module named 'no_such_module'.")


@pytest.mark.parametrize(
    ("use", "options", "expected"),
    [
        ("Staff", {}, {"table": "required"}),
        ("Staff", {"table": "x", "tabel": "y", "z": "1"}, {"tabel": "no such", "z": "no such"}),
        ("without_options", {"table": "x"}, {"table": "no such"}),
        ("without_options", {"context": "x"}, {"context": "no such"}),
        ("Typed", {"limit": "many", "strict": "perhaps"}, {"limit": "whole number", "strict": "neither yes"}),
        ("Typed", {"ratio": "nan", "names": "a ; all"}, {"ratio": "number", "names": "entry"}),
        ("Typed", {"wait": "soon", "codes": "1 x", "table": ""}, {"wait": "time span", "codes": "whole"}),
        ("Typed", {"odd": "x", "unknown": "x"}, {"odd": "no text can become", "unknown": "can't be read"}),
    ],
)
def test_every_wrong_option_of_a_plugin_is_told(good, plugin, use, options, expected):
    """Missing, unknown and unfit options of a plug-in are problems of their own, all at once."""
    given = {f"resolver.staff.{name}": value for name, value in options.items()}
    found = problems(good({"resolvers": "staff", "resolver.staff.use": f"staff_plugin:{use}", **given}))
    assert set(found) == {f"resolver.staff.{name}" for name in expected}
    for name, reason in expected.items():
        assert reason in found[f"resolver.staff.{name}"].reason
        assert found[f"resolver.staff.{name}"].cure


WRITTEN = {
    "limit": "7",
    "ratio": "0.5",
    "strict": "no",
    "wait": "5 min",
    "names": "a b",
    "groups": "\nDomain Users\nstaff",
    "codes": "1 2",
    "label": "x y",
    "plain": "0",
    "further": "9",
}


def test_options_of_a_plugin_have_the_types_of_their_annotations(good, plugin):
    """Numbers, booleans, spans and lists arrive as what the factory says that it takes."""
    given = {f"resolver.staff.{name}": value for name, value in WRITTEN.items()}
    from_options(app, good({"resolvers": "staff", "resolver.staff.use": "staff_plugin:Typed", **given}))
    assert [
        {
            "limit": 7,
            "ratio": 0.5,
            "strict": False,
            "wait": timedelta(minutes=5),
            "names": ["a", "b"],
            "groups": ("Domain Users", "staff"),
            "codes": frozenset({1, 2}),
            "label": "x y",
            "plain": "0",
            "further": 9,
        }
    ] == plugin.SEEN


def test_typed_options_of_a_plugin_stay_what_they_are(good, plugin):
    """In code, values may have their types; an entry with a space stays one entry."""
    given = {"limit": 7, "strict": True, "wait": timedelta(seconds=90), "groups": ["Domain Users"]}
    options = {f"resolver.staff.{name}": value for name, value in given.items()}
    from_options(app, good({"resolvers": "staff", "resolver.staff.use": "staff_plugin:Typed", **options}))
    (seen,) = plugin.SEEN
    assert {name: seen[name] for name in given} == given | {"groups": ("Domain Users",)}
    assert seen["strict"] is True


def test_a_list_may_have_one_entry_with_a_space(good, plugin):
    """An entry on a line of its own, below the option, is one entry, as several lines are several."""
    options = {"resolver.staff.groups": "\n    Domain Users", "resolver.staff.label": "\n    x y"}
    from_options(app, good({"resolvers": "staff", "resolver.staff.use": "staff_plugin:Typed", **options}))
    (seen,) = plugin.SEEN
    assert (seen["groups"], seen["label"]) == (("Domain Users",), "x y")


@pytest.mark.parametrize("use", ["partly", "called"])
def test_other_callables_have_annotations_too(good, plugin, use):
    """A partial and an instance with __call__ are factories like others."""
    options = {"resolver.staff.use": f"staff_plugin:{use}", "resolver.staff.limit": "7"}
    from_options(app, good({"resolvers": "staff", **options}))
    assert plugin.SEEN == [7]


def test_several_resolvers_are_all_checked(good, plugin):
    """Two bad resolvers are two problems."""
    found = problems(
        good({"resolvers": "one two", "resolver.one.use": "nope", "resolver.two.use": "staff_plugin:number"})
    )
    assert set(found) == {"resolver.one.use", "resolver.two.use"}


@pytest.mark.parametrize(
    "use",
    [
        ":x",
        "..staff_plugin:x",
        "staff_plugin:",
        "builtins:dict",
        "unreadable_plugin:x",
    ],
)
def test_odd_names_of_resolvers(good, plugin, tmp_path, use):
    """A name that can't be one, a callable that can't be looked at, a module that fails: problems, too."""
    (tmp_path / "unreadable_plugin.py").write_text("def x(:\n")
    assert set(problems(good({"resolvers": "staff", "resolver.staff.use": use}))) == {"resolver.staff.use"}


@pytest.mark.parametrize(("order", "fine"), [("existing jit", True), ("jit existing", False), ("jit", True)])
def test_the_order_of_resolvers(good, order, fine):
    """Nothing may follow `jit`, which has always an opinion."""
    if fine:
        from_options(app, good({"resolvers": order}))
        return
    assert set(problems(good({"resolvers": order}))) == {"resolvers"}


# -- the service provider's key --


def test_a_pair_of_keys_signs_requests(good):
    """With `sp.private_key` and `sp.certificate` requests are signed, and our metadata says so."""
    pair = SigningKey.cached("service")
    middleware = from_options(
        app,
        good(
            {
                "sp.private_key": pair.private_key.decode(),
                "sp.certificate": pair.certificate.decode(),
                "idp.request_binding": "redirect",
            }
        ),
    )
    query = parse_qs(urlsplit(middleware.provider.request("/").url).query)
    assert set(query) == {"SAMLRequest", "RelayState", "SigAlg", "Signature"}
    assert b'AuthnRequestsSigned="true"' in middleware.provider.metadata()
    plain = from_options(app, good({"idp.request_binding": "redirect"}))
    assert set(parse_qs(urlsplit(plain.provider.request("/").url).query)) == {"SAMLRequest", "RelayState"}


def test_half_a_pair(good):
    """A key without its certificate doesn't start, nor one that belongs to another certificate."""
    pair, other = SigningKey.cached("service"), SigningKey.cached("rotated")
    assert "sp.certificate" in problems(good({"sp.private_key": pair.private_key.decode()}))
    mixed = {"sp.private_key": pair.private_key.decode(), "sp.certificate": other.certificate.decode()}
    assert problems(good(mixed))


# -- the identity provider --


def test_without_metadata(good, saml_idp):
    """Entity id, address and certificate make an identity provider, too."""
    middleware = from_options(
        app,
        good(
            {
                "idp.metadata": None,
                "idp.entity_id": "JumpCloud",
                "idp.sso_url": "https://sso.example.test/saml2/wiki",
                "idp.certificate": saml_idp.key("wiki").certificate.decode(),
            }
        ),
    )
    provider = middleware.provider.identity_provider
    assert (provider.entity_id, provider.request_binding) == ("JumpCloud", "redirect")
    pending = middleware.provider.request("/").pending
    form = saml_idp.response("wiki", "mara", in_response_to=pending.id)
    message = middleware.provider.read(form.fields["SAMLResponse"].encode())
    assert middleware.provider.consume(message, pending).name_id == "mara@example.test"


def test_every_demand_arrives(good):
    """Each option about messages is what the service provider demands."""
    demands = from_options(
        app,
        good(
            {
                "idp.name": "jc",
                "idp.signed": "both",
                "idp.clock_skew": "1 min",
                "idp.max_age": "2 min",
                "idp.max_authn_age": "1 h",
                "idp.max_validity": "3 min",
                "idp.max_message": "20 KiB",
                "idp.max_elements": "300",
                "idp.force_authn": "yes",
                "idp.authn_context": "urn:a",
                "idp.nameid_stable": "yes",
                "idp.allow_sha1": "yes",
                "session.idp_end": "ignore",
            }
        ),
    ).provider.demands
    assert (demands.name, demands.signed, demands.clock_skew, demands.max_age) == ("jc", "both", 60, 120)
    assert (demands.max_authn_age, demands.max_validity) == (3600, 180)
    assert (demands.max_message, demands.max_elements) == (20 * 1024, 300)
    assert (demands.force_authn, demands.authn_context, demands.nameid_stable) == (True, ("urn:a",), "yes")
    assert (demands.allow_sha1, demands.honour_session_end) == (True, False)


def test_every_lifetime_arrives(good):
    """Each option about sessions is what the sessions keep to."""
    lifetimes = from_options(
        app,
        good(
            {
                "session.lifetime": "2 h",
                "session.idle": "30 min",
                "session.cache": "7 s",
                "session.recheck": "8 s",
                "session.grace": "9 s",
            }
        ),
    ).sessions._lifetimes
    assert (lifetimes.lifetime, lifetimes.idle) == (7200, 1800)
    assert (lifetimes.cache, lifetimes.recheck, lifetimes.grace) == (7, 8, 9)


def test_metadata_in_a_file_is_watched(good, saml_idp, saml_clock, tmp_path):
    """A metadata file that changes is taken over, and observers are told when it can't be."""
    path = tmp_path / "idp.xml"
    path.write_text(saml_idp.metadata("wiki"))
    happened = []
    middleware = from_options(
        app, good({"idp.metadata": f"file:{path}"}), observers=[happened.append], clock=saml_clock
    )
    saml_idp.change_app("wiki", idp_entity_id="Another")
    path.write_text(saml_idp.metadata("wiki"))
    saml_clock.advance(5)
    assert middleware.provider.idp_name == "Another"
    path.write_text("<html>")
    saml_clock.advance(5)
    assert middleware.provider.idp_name == "Another"
    assert [event.name for event in happened] == ["metadata", "unavailable"]


def test_metadata_that_ended_does_not_start(good, saml_idp):
    """Metadata whose validUntil passed is a problem at the start already."""
    ended = saml_idp.metadata("wiki").replace("entityID=", 'validUntil="2020-01-01T00:00:00Z" entityID=')
    assert "ended on 2020-01-01" in problems(good({"idp.metadata": ended}))["idp.metadata"].reason


@pytest.mark.parametrize(
    ("days", "warned"),
    [(-3, "identity provider's certificate ended on 20"), (10, "ends in"), (59, "ends in"), (100, None)],
)
def test_certificates_that_end(good, saml_idp, caplog, days, warned):
    """A certificate that ends soon, or ended, is warned of and starts all the same."""
    key = saml_idp.key("wiki")
    saml_idp.change_app(
        "wiki", key=key.about_to_expire(days) if days > 0 else key.about_to_expire(days + 0.5)
    )
    with caplog.at_level(logging.WARNING):
        from_options(app, good())
    assert ("certificate" in caplog.text) is (warned is not None)
    if warned:
        assert warned in caplog.text


# -- stores --


def test_memory_needs_a_place_for_users(good):
    """`store.url = memory:` keeps no users: it doesn't start without a directory."""
    assert "directory.url" in problems(good({"store.url": "memory:"}))


def test_memory_is_for_one_process(good, tmp_path):
    """With a store that isn't shared the middleware refuses servers with several processes."""
    middleware = from_options(
        app, good({"store.url": "memory:", "directory.url": f"sqlite:///{tmp_path}/u.db"})
    )
    assert middleware._single_process
    assert not from_options(app, good())._single_process


# -- check and metadata --


def test_check_shows_the_facts(good, tmp_path):
    """A good configuration has no problem, and shows what it would be."""
    from_options(app, good())
    report = examination.check(good(), here=str(tmp_path))
    assert [problem for problem in report.problems if problem.fatal] == []
    facts = dict(report.facts)
    assert facts["application"] == WIKI
    assert facts["entity id"] == f"{WIKI}/saml/metadata"
    assert facts["ACS URL"] == f"{WIKI}/saml/acs"
    assert facts["identity provider"] == "JumpCloud"
    assert facts["sign-on address"] == "https://sso.example.test/saml2/wiki (post)"
    assert facts["resolvers"] == "jit"
    assert facts["certificates"].startswith("ends in 1825 days, on 20")
    assert SECRET not in repr(report)


def test_check_shows_the_problems(good, tmp_path):
    """A bad one shows all problems, the hidden ones of [DEFAULT] among them, and no facts."""
    report = examination.check(
        good({"public": "nope", "session.secret": None}),
        here=str(tmp_path),
        global_conf={"session.secret": SECRET, "here": str(tmp_path)},
    )
    assert "session.secret" in {problem.key for problem in report.problems}
    assert report.facts == ()
    assert SECRET not in repr(report)


def test_check_shows_warnings(good, tmp_path):
    """What starts, but should be known, is shown beside the facts."""
    from_options(app, good())
    report = examination.check(good({"idp.allow_sha1": "yes"}), here=str(tmp_path))
    assert [(problem.key, problem.fatal) for problem in report.problems] == [("idp.allow_sha1", False)]
    assert report.facts


@pytest.mark.parametrize("given", [{}, {"idp.metadata": None}, {"idp.metadata": "file:/nowhere.xml"}])
def test_our_metadata_needs_none_of_theirs(good, tmp_path, given):
    """At JumpCloud our metadata comes first, so it needs nothing of the identity provider's."""
    pair = SigningKey.cached("service")
    options = good(
        {
            **given,
            "sp.entity_id": "the wiki",
            "sp.private_key": pair.private_key.decode(),
            "sp.certificate": pair.certificate.decode(),
            "idp.signed": "both",
        }
    )
    root = etree.fromstring(examination.metadata(options, here=str(tmp_path)))
    assert root.get("entityID") == "the wiki"
    assert root[0].get("AuthnRequestsSigned") == root[0].get("WantAssertionsSigned") == "true"
    assert pair.certificate_base64 in {element.text for element in root.iter("{*}X509Certificate")}
    assert root.find(".//{*}AssertionConsumerService").get("Location") == f"{WIKI}/saml/acs"


@pytest.mark.parametrize(
    "given",
    [
        {"session.secret": None},
        {"session.secret": "weak"},
        {"session.secret": "env:NOT_SET_HERE", "store.url": "sqlite:////nowhere/x.db", "idp.clock_skew": "x"},
        {"resolvers": "staff", "resolver.staff.use": "no_such_module:x", "resolver.other.x": "1"},
    ],
)
def test_our_metadata_needs_no_secret(good, tmp_path, given):
    """Whoever uploads our metadata needn't know the secrets, nor have a database."""
    ours = examination.metadata(good(given), here=str(tmp_path))
    assert ours == examination.metadata(good(), here=str(tmp_path))


def test_our_metadata_tells_problems(good, tmp_path):
    """What is wrong with our own part is told, and so is what may have been meant for it."""
    wrong = good({"base_url": "nope", "sp.certificate": "nope", "sp.entityid": "x", "session.secret": None})
    with pytest.raises(ConfigurationError) as error:
        examination.metadata(wrong, here=str(tmp_path))
    assert {problem.key for problem in error.value.problems} == {"base_url", "sp.certificate", "sp.entityid"}


def test_our_metadata_knows_the_trap_of_default(good, tmp_path):
    """An entity id that [DEFAULT] hides isn't left out silently."""
    hidden = {"sp.entity_id": "the wiki", "session.secret": SECRET}
    with pytest.raises(ConfigurationError) as error:
        examination.metadata(good(), here=str(tmp_path), global_conf=hidden)
    (problem,) = error.value.problems
    assert problem.key == "sp.entity_id"
    assert "[DEFAULT]" in problem.reason


def test_warnings_are_logged(good, caplog):
    """What starts, but should be known, is in the log once."""
    with caplog.at_level(logging.WARNING):
        from_options(app, good({"idp.allow_sha1": "yes"}))
    assert caplog.text.count("idp.allow_sha1") == 1
