"""The whole real topology: people and passwords in OpenLDAP, SimpleSAMLphp in front of it, users from it.

SimpleSAMLphp asks the directory for passwords; the middleware asks the same directory who people are.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import ldap3
import pytest
from click.testing import CliRunner

from saml_wsgi.cli import main
from saml_wsgi.testing.browser import Browser, Page
from saml_wsgi.testing.transports import HTTPTransport
from tests.real.openldap import BASE, GROUPS, PASSWORD, PEOPLE, READER, OpenLDAP
from tests.real.service import Service
from tests.real.serving import SIMPLESAMLPHP_LDAP
from tests.real.simplesamlphp import UNSPECIFIED, SimpleSAMLphp
from tests.real.tls import Authority

pytestmark = pytest.mark.real("simplesamlphp", "openldap")

SECRET = "9mYt2QwPzX7LkVb4NcRh8SgJd5Ea6UfT"
TREE = f"""
dn: {BASE}
objectClass: dcObject
objectClass: organization
o: Example

dn: {PEOPLE}
objectClass: organizationalUnit
ou: people

dn: {GROUPS}
objectClass: organizationalUnit
ou: groups

dn: {READER}
objectClass: organizationalRole
objectClass: simpleSecurityObject
userPassword: {PASSWORD}

dn: cn=Wiki (all)\\, Nord,{GROUPS}
objectClass: groupOfNames
cn: Wiki (all), Nord
member: uid=mara,{PEOPLE}
member: uid=omar,{PEOPLE}
"""
PERSON = """
dn: uid={uid},{people}
objectClass: inetOrgPerson
objectClass: shadowAccount
uid: {uid}
cn: {uid}
givenName: {given}
sn: {sn}
mail: {uid}@example.test
userPassword: {uid}-password
"""


@pytest.fixture(scope="module")
def directory() -> Iterator[OpenLDAP]:
    names = (("mara", "Mara", "Lindqvist"), ("omar", "Omar", "Haddad"), ("tilda", "Tilda", "Berg"))
    people = [PERSON.format(uid=uid, given=given, sn=sn, people=PEOPLE) for uid, given, sn in names]
    server = OpenLDAP(TREE + "".join(people))
    server.start()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def idp(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority, directory: OpenLDAP
) -> Iterator[SimpleSAMLphp]:
    found = SimpleSAMLphp(
        tmp_path_factory.mktemp("simplesamlphp-ldap"),
        SIMPLESAMLPHP_LDAP,
        authority,
        directory=(directory.plain, PEOPLE),
    )
    found.start()
    yield found
    found.stop()


@pytest.fixture
def change(directory: OpenLDAP) -> Iterator[Callable[[str, dict[str, Any]], None]]:
    """Changes an entry as the directory's administrator, who puts everything back in the end."""
    admin = ldap3.Connection(
        directory.plain, f"cn=admin,{BASE}", "admin-demo", auto_bind=True, raise_exceptions=True
    )
    undo: list[tuple[str, dict[str, Any]]] = []

    def change(dn: str, changes: dict[str, Any]) -> None:
        attributes = list(changes)
        admin.search(dn, "(objectClass=*)", ldap3.BASE, attributes=attributes)
        before = admin.response[0]["raw_attributes"]
        undo.append((dn, {name: [(ldap3.MODIFY_REPLACE, before.get(name, []))] for name in attributes}))
        admin.modify(dn, {name: [(ldap3.MODIFY_REPLACE, values)] for name, values in changes.items()})

    yield change
    for dn, changes in reversed(undo):
        admin.modify(dn, changes)
    admin.unbind()


@pytest.fixture
def wiki(service: Service, idp: SimpleSAMLphp, directory: OpenLDAP, tmp_path: Path) -> dict[str, str]:
    """The service's options; it serves, and the same are in ``wiki.ini``."""
    idp.register(service.entity_id, service.acs, name_id_format=UNSPECIFIED)
    (tmp_path / "idp.xml").write_text(idp.metadata(), encoding="utf-8")
    options = {
        "base_url": service.origin,
        "idp.metadata": f"file:{tmp_path}/idp.xml",
        "session.secret": SECRET,
        "session.cache": "0",
        "session.recheck": "1 s",
        "store.url": f"sqlite:///{tmp_path}/saml_wsgi.db",
        "resolvers": "ldap",
        "source.corp.use": "ldap",
        "source.corp.preset": "openldap",
        "source.corp.servers": directory.tls,
        "source.corp.ca_file": directory.ca,
        "source.corp.base": PEOPLE,
        "source.corp.bind_dn": READER,
        "source.corp.password": PASSWORD,
    }
    lines = "\n".join(f"{key} = {value}" for key, value in options.items())
    text = f"[filter:saml]\nuse = egg:saml_wsgi\n{lines}\n"
    (tmp_path / "wiki.ini").write_text(text, encoding="utf-8")
    service.serve("", **options)
    return options


@pytest.fixture
def run(tmp_path: Path, wiki: dict[str, str]) -> Callable[..., dict[str, Any]]:
    """Runs ``saml-wsgi sync`` to a good end."""
    del wiki

    def run(*arguments: str) -> dict[str, Any]:
        done = CliRunner().invoke(main, ["sync", str(tmp_path / "wiki.ini"), "--json", *arguments])
        assert done.exit_code == 0, done.output
        report: dict[str, Any] = json.loads(done.stdout)
        return report

    return run


@pytest.fixture
def new_browser(authority: Authority) -> Callable[[], Browser]:
    return lambda: Browser(HTTPTransport(context=authority.client))


def sign_in(browser: Browser, url: str, uid: str) -> Page:
    """From the page asked for to the page at which it ends."""
    page = browser.get(url, follow=True)
    form = next(index for index, form in enumerate(page.forms) if "password" in form.values)
    fields = {"username": uid, "password": f"{uid}-password"}
    page = browser.submit(page, fields, form=form, follow=True)
    while any("SAMLResponse" in form.values for form in page.forms):
        page = browser.submit(page, follow=True)
    return page


def seen(page: Page) -> dict[str, Any]:
    found = re.search(r'<pre id="seen">(.*?)</pre>', page.text)
    assert found, page.text
    shown: dict[str, Any] = json.loads(unescape(found[1]))
    return shown


def no_longer_there(page: Page) -> Page | None:
    """The page, unless it is the application's."""
    return None if 'id="seen"' in page.text else page


def soon(ask: Callable[[], Any]) -> Any:
    """The first answer that isn't empty: a second is the shortest ``session.recheck``."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if answer := ask():
            return answer
    raise AssertionError("it never came")


def test_people_are_there_before_they_come(service, wiki, run, new_browser):
    """A synchronisation makes everybody; the first sign-in finds the user with names and groups."""
    run()
    before = {user["username"]: user for user in service.users()}
    assert set(before) == {"mara", "omar", "tilda"}
    shown = seen(sign_in(new_browser(), f"{service.origin}/", "mara"))
    assert (shown["user"], shown["groups"]) == ("mara", ["Wiki (all), Nord"])
    after = {user["username"]: user for user in service.users()}
    assert after["mara"]["id"] == before["mara"]["id"]
    assert after["mara"]["groups"] == ["Wiki (all), Nord"]


def test_somebody_made_a_minute_ago_gets_in(service, wiki, new_browser):
    """Without any synchronisation, the directory is asked at the sign-in."""
    assert seen(sign_in(new_browser(), f"{service.origin}/", "tilda"))["user"] == "tilda"
    assert [user["managed_by"] for user in service.users()] == ["ldap:corp"]


def test_somebody_switched_off_is_out(service, wiki, run, change, new_browser):
    """After the next run the running session ends, and a new sign-in is refused with the reason."""
    run()
    browser = new_browser()
    sign_in(browser, f"{service.origin}/", "omar")
    change(f"uid=omar,{PEOPLE}", {"shadowExpire": "1"})
    run()
    (omar,) = [user for user in service.users() if user["username"] == "omar"]
    assert not omar["active"]
    page = soon(lambda: no_longer_there(browser.get(f"{service.origin}/", follow=True)))
    # The identity provider still knows omar, and sends an answer at once: it is refused here.
    while any("SAMLResponse" in form.values for form in page.forms):
        page = browser.submit(page, follow=True)
    assert "inactive" in page.text


def test_groups_change_in_a_running_session(service, wiki, run, change, new_browser):
    """A new member of a group has it after the next run, without signing in again."""
    run()
    browser = new_browser()
    assert seen(sign_in(browser, f"{service.origin}/", "tilda"))["groups"] == []
    group = f"cn=Wiki (all)\\, Nord,{GROUPS}"
    change(group, {"member": [f"uid={uid},{PEOPLE}" for uid in ("mara", "tilda")]})
    run()
    groups = soon(lambda: seen(browser.get(f"{service.origin}/", follow=True))["groups"])
    assert groups == ["Wiki (all), Nord"]
