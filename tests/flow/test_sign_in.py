"""Stories of signing in: from an anonymous request to the page first asked for."""

from __future__ import annotations

import pytest

WIKI = "https://wiki.example.test"


def test_lands_on_the_page_first_asked_for(protect, browse, sign_in):
    """A person who signs in is a user of the application, on the page first asked for, with its query."""
    page = sign_in(browse(protect()), f"{WIKI}/pages/Käse?rev=2&view=a%20b")
    assert page.url == f"{WIKI}/pages/K%C3%A4se?rev=2&view=a%20b"
    seen = page.json()
    assert seen["remote_user"] == "mara@example.test"
    assert seen["auth_type"] == "SAML"
    assert seen["query"] == "rev=2&view=a%20b"
    assert seen["user"]["groups"] == ["Engineering (Backend)", "Staff", "Wiki Editors"]
    assert seen["attributes"]["memberOf"] == ["Staff", "Wiki Editors", "Engineering (Backend)"]
    assert seen["logout_url"] == f"{WIKI}/saml/logout"


@pytest.mark.parametrize("sign", ["response", "assertion", "both"])
@pytest.mark.parametrize("binding", ["redirect", "post"])
def test_takes_what_is_signed(protect, browse, sign_in, saml_idp, sign, binding):
    """Whichever element JumpCloud is told to sign, and by either binding, people get in."""
    saml_idp.change_app("wiki", sign=sign)
    app = protect(idp__request_binding=binding)
    assert sign_in(browse(app)).json()["remote_user"] == "mara@example.test"


@pytest.mark.parametrize(
    "knobs",
    [
        pytest.param({"protocol_prefix": "samlp", "assertion_prefix": ""}, id="other prefixes"),
        pytest.param({"timestamps": "milliseconds", "session_index": False}, id="milliseconds, no index"),
        pytest.param({"groups": "repeated", "xsi_type": True, "name_format": "urn:x"}, id="repeated groups"),
        pytest.param({"indented": True, "padded_name_id": True}, id="pretty-printed"),
        pytest.param({"inclusive_namespaces": "xs", "signature_lines": "crlf"}, id="prefix list, CRLF"),
        pytest.param({"key_info": False, "xml_declaration": False}, id="no key info"),
        pytest.param({"conditions_after": 86400, "confirmation_after": 86400}, id="a day of validity"),
        pytest.param({"idp_entity_id": "jumpcloud / My App, Ltd."}, id="free-text entity id"),
        pytest.param({"empty_fields": "sent", "attribute_order": "shuffled"}, id="empty and shuffled"),
        pytest.param({"echo_relay_state": False}, id="relay state lost"),
    ],
)
def test_takes_what_jumpcloud_may_send(protect, browse, sign_in, saml_idp, knobs):
    """No guess about JumpCloud's answers matters: each of them may be otherwise."""
    saml_idp.change_app("wiki", **knobs)
    assert sign_in(browse(protect())).json()["remote_user"] == "mara@example.test"


@pytest.mark.parametrize("canonicalisation", ["inclusive", "inclusive 1.1"])
def test_refuses_another_canonicalisation(protect, browse, to_answer, saml_idp, canonicalisation, caplog):
    """A canonicalisation that isn't exclusive is refused, and the operator can read why."""
    saml_idp.change_app("wiki", canonicalisation=canonicalisation)
    browser = browse(protect())
    page = browser.submit(to_answer(browser, browser.get(f"{WIKI}/")), follow=True)
    assert page.status == 403
    assert "code=algorithm_refused" in caplog.text
    assert "canonicalisation" in caplog.text


def test_is_known_at_the_next_visit(protect, browse, sign_in):
    """The second sign-in finds the user that the first one created."""
    app = protect()
    first = sign_in(browse(app)).json()["user"]
    second = sign_in(browse(app)).json()["user"]
    assert first.pop("seen") == 0 < second.pop("seen")
    assert first == second


def test_learns_what_changed(protect, browse, sign_in, saml_idp):
    """What changed at the identity provider is the user's at the next sign-in."""
    app = protect()
    before = sign_in(browse(app)).json()["user"]
    saml_idp.change_person("mara", lastname="Berg", groups=("Staff",))
    after = sign_in(browse(app)).json()["user"]
    assert after["id"] == before["id"]
    assert (after["last_name"], after["groups"]) == ("Berg", ["Staff"])


def test_existing_users_only(protect, browse, sign_in, code_on):
    """With the resolver `existing` nobody is created: a stranger is told that there is no account."""
    page = sign_in(browse(protect(resolvers="existing")))
    assert page.status == 403
    assert code_on(page) == "not_found"


def test_existing_user_gets_in(protect, browse, sign_in):
    """With the resolver `existing` a user that is there already signs in."""
    made = sign_in(browse(protect())).json()["user"]
    found = sign_in(browse(protect(resolvers="existing"))).json()["user"]
    assert found | {"seen": made["seen"]} == made


def test_four_tabs(protect, browse, sign_in, to_answer):
    """Four tabs that began to sign in each end on their own page, whatever the order."""
    browser = browse(protect())
    begun = [browser.get(f"{WIKI}/{number}?n={number}") for number in range(4)]
    for number in (2, 0, 3, 1):
        page = browser.submit(to_answer(browser, begun[number]), follow=True)
        assert (page.json()["path"], page.json()["query"]) == (f"/{number}", f"n={number}")


def test_the_turn_is_not_for_the_application(protect, browse):
    """The cookie that counts the tabs is hidden from the application, at every address."""
    browser = browse(protect(public="/healthz"))
    browser.get(f"{WIKI}/one")
    assert [cookie for cookie in browser.cookies if cookie.name.endswith("_b")]
    browser.cookies.keep(f"{WIKI}/", "mine=1; Path=/; Secure")
    assert browser.get(f"{WIKI}/healthz").json()["cookies"] == "mine=1"


def test_hundred_tabs_leave_small_headers(protect, browse, sign_in):
    """However many sign-ins are begun, the cookies stay few, and the newest attempt works."""
    browser = browse(protect())
    for number in range(100):
        browser.get(f"{WIKI}/{number}")
    assert len([cookie for cookie in browser.cookies if "_p" in cookie.name]) <= 4
    assert sign_in(browser, f"{WIKI}/newest").json()["path"] == "/newest"


def test_reload_and_back_are_harmless(protect, browse, sign_in, to_answer):
    """Sending the same response again, as the back button does, leads to the page, signed in."""
    browser = browse(protect())
    carrier = to_answer(browser, browser.get(f"{WIKI}/deep?x=1"))
    page = browser.submit(carrier, follow=True)
    again = browser.submit(carrier, follow=True)
    assert again.url == page.url == f"{WIKI}/deep?x=1"
    assert again.json()["remote_user"] == "mara@example.test"
    assert browser.repeat(page).json()["remote_user"] == "mara@example.test"


def test_the_portal_tile_works(protect, browse, saml_idp, to_answer, sign_in):
    """A click on the tile at JumpCloud signs in, by a round trip that nobody notices."""
    browser = browse(protect())
    portal = "https://sso.example.test/"
    page = to_answer(browser, browser.get(portal))
    carrier = browser.click(page, "Wiki", follow=True)
    carrier = browser.submit(carrier, follow=True)
    while "SAMLResponse" in (carrier.form().values if carrier.forms else {}):
        carrier = browser.submit(carrier, follow=True)
    while carrier.forms and "SAMLRequest" in carrier.form().values:
        carrier = browser.submit(to_answer(browser, carrier), follow=True)
    assert carrier.json()["remote_user"] == "mara@example.test"


def test_a_live_session_goes_straight_on(protect, browse, sign_in):
    """`login` with a live session goes to the page, without a round trip."""
    browser = browse(protect())
    sign_in(browser)
    page = browser.get(f"{WIKI}/saml/login?return_to=/there", initiator=f"{WIKI}/")
    assert page.location == f"{WIKI}/there"


def test_several_certificates(protect, browse, sign_in, saml_idp, tmp_path):
    """While the metadata file changes to a new key, people signed by either get in; no restart is needed."""
    from saml_wsgi.testing.keys import SigningKey

    file = tmp_path / "jumpcloud.xml"
    file.write_text(saml_idp.metadata("wiki"))
    app = protect(idp__metadata=f"file:{file}")
    assert sign_in(browse(app)).status == 200
    saml_idp.change_app("wiki", key=SigningKey.cached("rotated"))
    refused = sign_in(browse(app))
    assert refused.status == 403
    file.write_text(saml_idp.metadata("wiki"))
    app.provider._source._clock.advance(10)
    assert sign_in(browse(app)).status == 200
    file.write_text("<html>an error page</html>")
    app.provider._source._clock.advance(10)
    assert sign_in(browse(app)).status == 200


def test_a_transient_name_names_nobody(protect, browse, sign_in, saml_idp):
    """Where the NameID is another one each time, the next attribute that names the person counts."""
    saml_idp.change_app("wiki", nameid_format="urn:oasis:names:tc:SAML:2.0:nameid-format:transient")
    app = protect()
    first = sign_in(browse(app)).json()["user"]
    saml_idp.change_person("mara", email="mara.new@example.test")
    second = sign_in(browse(app)).json()["user"]
    assert (first["username"], second["id"]) == ("mara", first["id"])
    assert second["email"] == "mara.new@example.test"


def test_a_transient_label_may_be_only_a_label(protect, browse, sign_in, saml_idp):
    """With `idp.nameid_stable = yes` a NameID labelled transient names the person all the same."""
    saml_idp.change_app("wiki", nameid_format="urn:oasis:names:tc:SAML:2.0:nameid-format:transient")
    assert sign_in(browse(protect(idp__nameid_stable="yes"))).json()["remote_user"] == "mara@example.test"
