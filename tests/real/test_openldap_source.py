"""The source ``ldap`` against a real OpenLDAP: what it finds, and whom it doesn't believe."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from click.testing import CliRunner

from saml_wsgi.cli import main
from saml_wsgi.directories.ldap.options import factory
from saml_wsgi.errors import Ambiguous, SourceUnavailable
from saml_wsgi.resolvers.context import SourceContext
from saml_wsgi.testing.browser import SignInFailed
from tests.real.openldap import BASE, LIMITED, PASSWORD, PEOPLE, READER, OpenLDAP, tree

pytestmark = pytest.mark.real("openldap")

WIKI, SSO = "https://wiki.example.test", "https://sso.example.test"


@pytest.fixture(scope="module")
def slapd():
    """One server for all that leave it as it is."""
    server = OpenLDAP(tree())
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def another():
    """Starts servers that a test may stop."""
    servers = []

    def start(**options):
        server = OpenLDAP(tree(), **options)
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.remove()


@pytest.fixture
def source():
    """Makes the source, over TLS unless it is told otherwise."""
    made = []

    def make(*servers, **options):
        usual = {
            "preset": "openldap",
            "servers": tuple(server if isinstance(server, str) else server.tls for server in servers),
            "base": PEOPLE,
            "bind_dn": READER,
            "password": PASSWORD,
        }
        if not all(isinstance(server, str) for server in servers):
            usual["ca_file"] = next(server.ca for server in servers if not isinstance(server, str))
        made.append(factory(SourceContext("corp"), **(usual | options)))
        return made[-1]

    yield make
    for each in made:
        each.client.close()


def test_what_it_knows_of_somebody(slapd, source):
    """Every field, where it came from, and the groups whose member she is."""
    mara = source(slapd).look_up({"username": "MARA"})
    assert (mara.username, mara.email, mara.employee_id) == ("mara", "mara@example.test", "1001")
    assert (mara.first_name, mara.last_name, mara.display_name) == ("Mara", "Lindqvist", "Mara Lindqvist")
    assert mara.groups == ("Loop A", "Wiki Editors")
    assert (mara.active, mara.origins["email"]) == (None, "mail")


def test_found_by_address(slapd, source):
    """Somebody whose username isn't known is found by the address."""
    assert source(slapd).look_up({"email": "star@example.test"}).username == "s*r (x)"
    assert source(slapd, find_by=("email",)).look_up({"username": "x", "email": "mara@example.test"})


def test_values_mean_themselves(slapd, source):
    """Nothing in a name is a pattern or a filter, and no directory's idea of equal counts but ours."""
    found = source(slapd)
    assert found.look_up({"username": "s*r (x)"}).email == "star@example.test"
    for name in ("*", "m*", "mara)(uid=*", "mara\\", "mar\x00a", "nobody", "s*r  (x)", "jose\u0301"):
        assert found.look_up({"username": name}) is None, name


def test_ways_to_groups(slapd, source):
    """Groups are found in each way; nested ones by walking, and loops end."""
    key = {"username": "mara"}
    assert source(slapd, groups="memberOf").look_up(key).groups == ("Wiki Editors",)
    assert source(slapd, groups="memberUid").look_up(key).groups == ("unix",)
    assert source(slapd, groups="none").look_up(key).groups is None
    nested = source(slapd, nested=True).look_up(key).groups
    assert nested == ("Loop A", "Loop B", "Staff (all), Nürnberg", "Wiki Editors")


@pytest.mark.parametrize(("name", "by"), [("jose", "shadowExpire"), ("noor", "pwdAccountLockedTime")])
def test_somebody_who_is_switched_off(slapd, source, name, by):
    """An account that has expired or is locked for good is inactive; the rules can be chosen."""
    profile = source(slapd).look_up({"username": name})
    assert (profile.active, profile.origins["active"]) == (False, by)
    assert source(slapd, state=("none",)).look_up({"username": name}).active is None


def test_somebody_whom_it_does_not_know(slapd, source):
    """None, or switched off where the directory is said to know everybody."""
    assert source(slapd).look_up({"username": "nobody"}) is None
    assert source(slapd, unknown="refuse").look_up({"username": "nobody"}).active is False
    assert source(slapd).look_up({}) is None


def test_two_people_with_one_address(slapd, source):
    """Two entries are never one of them."""
    with pytest.raises(Ambiguous, match=r"twin1.*twin2"):
        source(slapd).look_up({"email": "twin@example.test"})


def test_an_answer_that_was_cut_off(slapd, source):
    """A server's limit is an error: one entry of two isn't the only one."""
    with pytest.raises(SourceUnavailable, match="sizeLimitExceeded"):
        source(slapd, bind_dn=LIMITED).look_up({"email": "twin@example.test"})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"password": "wrong"}, "invalidCredentials"),
        ({"base": f"ou=nowhere,{BASE}"}, "has no"),
        ({"bind_dn": "", "password": "", "anonymous": True}, "bind"),
    ],
)
def test_a_server_that_says_no(slapd, source, options, message):
    """A wrong password, a wrong base or no name at all isn't somebody who doesn't exist."""
    with pytest.raises(SourceUnavailable, match=message):
        source(slapd, **options).look_up({"username": "mara"})


def test_a_refused_password_is_not_repeated(slapd, source):
    """Each try counts towards a lock, so sign-ins don't repeat it."""
    found = source(slapd, password="wrong")
    for expected in ("invalidCredentials", "not tried again"):
        with pytest.raises(SourceUnavailable, match=expected):
            found.look_up({"username": "mara"})


def test_start_tls(slapd, source):
    """StartTLS is TLS before anything is said, with the same certificate."""
    assert source(slapd.plain, starttls=True, ca_file=slapd.ca).look_up({"username": "mara"})
    with pytest.raises(SourceUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        source(slapd.plain, starttls=True).look_up({"username": "mara"})


def test_a_certificate_of_a_stranger(slapd, source):
    """A certificate that no trusted authority made is refused, unless the operator says so loudly."""
    with pytest.raises(SourceUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        source(slapd.tls).look_up({"username": "mara"})
    assert source(slapd.tls, allow_unverified_tls=True).look_up({"username": "mara"})
    assert source(slapd.plain).look_up({"username": "mara"})


@pytest.mark.parametrize("starttls", [True, False])
def test_a_certificate_for_another_host(another, source, starttls):
    """A certificate of the right authority for another name is refused."""
    server = another(name="ldap.example.test")
    address = server.plain if starttls else server.tls
    with pytest.raises(SourceUnavailable, match=r"doesn't match|not valid for"):
        source(address, ca_file=server.ca, starttls=starttls).look_up({"username": "mara"})


def test_fail_over(slapd, another, source):
    """Where one server is gone the next answers, before and after a connection was made."""
    first = another()
    both = source(first.plain, slapd.plain)
    assert both.look_up({"username": "mara"})
    first.stop()
    assert both.look_up({"username": "mara"})
    assert source("ldap://127.0.0.1:1", slapd.plain).look_up({"username": "mara"})


def test_a_server_that_keeps_silent(slapd, another, source):
    """It costs no more than the stated time, and leaves the next server enough of it."""
    silent = another()
    both = source(
        silent.plain, slapd.plain, timeout=timedelta(seconds=2), connect_timeout=timedelta(seconds=0.2)
    )
    alone = source(silent.plain, timeout=timedelta(seconds=0.3))
    assert both.look_up({"username": "mara"})
    silent.freeze()
    assert both.look_up({"username": "mara"})
    with pytest.raises(SourceUnavailable, match=r"timed out|in time"):
        alone.look_up({"username": "mara"})
    silent.thaw()


def test_a_server_that_comes_back(another, source):
    """A connection that broke is replaced, without anybody noticing."""
    server = another()
    found = source(server.plain)
    assert found.look_up({"username": "mara"})
    server.stop()
    with pytest.raises(SourceUnavailable):
        found.look_up({"username": "mara"})
    server.start()
    assert found.look_up({"username": "mara"})
    server.stop()
    server.start()
    assert found.look_up({"username": "mara"})


def test_several_threads_at_once(slapd, source):
    """Each thread gets its own person's answer, over connections that are kept and no more than are to be."""
    found = source(slapd, connections=2)
    asked = ["mara", "twin1", "twin2", "s*r (x)"] * 25
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda name: found.look_up({"username": name}).username, asked))
    assert answers == asked
    assert 1 <= len(found.client._idle) <= 2


def test_after_a_fork(slapd, source):
    """A child opens a connection of its own, and the parent's goes on."""
    found = source(slapd)
    assert found.look_up({"username": "mara"})
    kept = found.client._idle[0]
    child = os.fork()
    if child == 0:
        try:
            good = found.look_up({"username": "mara"}) is not None and found.client._idle[0] is not kept
            os._exit(0 if good else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert found.look_up({"username": "mara"})
    assert found.client._idle == [kept]


def test_check_connect(slapd, saml_idp, tmp_path):
    """The command proves host, TLS, bind and base and shows somebody; without --connect nobody is asked."""
    (tmp_path / "idp.xml").write_text(saml_idp.metadata("wiki"), encoding="utf-8")
    lines = [
        "[filter:saml]",
        "use = egg:saml_wsgi",
        f"base_url = {WIKI}",
        "idp.metadata = file:idp.xml",
        "session.secret = Zk3q9vT1xR7bW5nY2mJ8cL4hD6fG0sPa",
        "resolver.jit.sources = saml corp",
        "source.corp.use = ldap",
        "source.corp.preset = openldap",
        f"source.corp.ca_file = {slapd.ca}",
        f"source.corp.base = {PEOPLE}",
        f"source.corp.bind_dn = {READER}",
        f"source.corp.password = {PASSWORD}",
    ]
    ini = tmp_path / "wiki.ini"

    def check(server, *arguments):
        ini.write_text("\n".join([*lines, f"source.corp.servers = {server}"]), encoding="utf-8")
        ini.chmod(0o600)
        return CliRunner().invoke(main, ["check", str(ini), *arguments], catch_exceptions=False)

    found = check(slapd.tls, "--connect")
    assert (found.exit_code, "bound as" in found.output, "mara@example.test" in found.output) == (
        0,
        True,
        True,
    )
    assert PASSWORD not in found.output.replace(READER, "")
    assert check("ldaps://127.0.0.1:1").exit_code == 0
    failed = check("ldaps://127.0.0.1:1", "--connect")
    assert (failed.exit_code, "source.corp.servers" in failed.output) == (1, True)


def test_what_check_shows(slapd, source):
    """Each server is asked, and somebody is shown; a server that doesn't answer is told."""
    facts, failures = source(slapd.plain, "ldap://127.0.0.1:1").examine()
    assert facts[0] == (slapd.plain, f"in the clear, bound as {READER}")
    assert ("  email", "mara@example.test (mail)") in facts
    assert [failure.split()[0] for failure in failures] == ["ldap://127.0.0.1:1:"]


def test_a_whole_sign_in(another, saml_idp, saml_protect, saml_browser):
    """SAML says who may sign in, LDAP who they are; a directory that is gone is "try again", then over."""
    server = another()
    seen = {}

    def wiki(environ, start_response):
        seen["user"] = environ["saml_wsgi.user"]
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b""]

    app = saml_protect(
        wiki,
        {
            "resolver.jit.sources": "corp saml",
            "source.corp.use": "ldap",
            "source.corp.preset": "openldap",
            "source.corp.servers": server.tls,
            "source.corp.ca_file": server.ca,
            "source.corp.base": PEOPLE,
            "source.corp.bind_dn": READER,
            "source.corp.password": PASSWORD,
        },
    )

    def sign_in(name):
        browser = saml_browser({WIKI: app, SSO: saml_idp})
        return browser.sign_in(f"{WIKI}/", name)

    assert sign_in("mara").status == 200
    assert seen["user"].employee_id == "1001"
    assert seen["user"].groups == ("Loop A", "Wiki Editors")
    with pytest.raises(SignInFailed) as failed:
        sign_in("jose")
    assert (failed.value.page.status, "inactive" in failed.value.page.text) == (403, True)
    server.stop()
    with pytest.raises(SignInFailed) as failed:
        sign_in("mara")
    assert (failed.value.page.status, "source_unavailable" in failed.value.page.text) == (503, True)
    server.start()
    assert sign_in("mara").status == 200
