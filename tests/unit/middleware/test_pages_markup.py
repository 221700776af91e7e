"""Pages consist of what their templates say, whatever the values are, and everybody can read them."""

import html
import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saml_wsgi.errors import CODES
from saml_wsgi.middleware.pages import Page, Pages

LOGIN = "https://app.example.org/saml/login"
REF = "7K3MQ2XW9P"
MAIL = f"mailto:help@example.org?subject=Sign-in%20failed%20%28{REF}%29"
PAGES = Pages(support="help@example.org")

EVERY_PAGE = {
    **{code: PAGES.refused(code, reference=REF, login_url=LOGIN) for code in CODES},
    "sign in again": PAGES.sign_in_again(login_url=LOGIN, reference=REF),
    "signed out": PAGES.signed_out(login_url=LOGIN),
    "signed out, not everywhere": PAGES.signed_out(login_url=LOGIN, everywhere=False),
    "confirm": PAGES.confirm_sign_out(action="/saml/logout", token="t", return_url="/"),
    "emergency": PAGES.emergency(action="/saml/emergency", token="t"),
    "form": PAGES.post_form(action="https://idp.example.net/sso", fields={"SAMLRequest": "a"}),
}

HOSTILE = st.one_of(
    st.text(max_size=60),
    # Undecodable bytes, as a WSGI server hands them over, and what breaks out of markup.
    st.text(st.characters(categories=["Cs", "Cc", "Cf"]), max_size=8),
    st.sampled_from(
        [
            "<script>alert(1)</script>",
            '"><img src=x onerror=alert(1)>',
            "' autofocus onfocus='alert(1)",
            "{{ 7 * 7 }}{% raw %}",
            "</style><script>alert(1)</script>",
            "</title><h1>mine</h1>",
            "javascript:alert(1)",
            "java\tscript:alert(1)",
            " javascript:alert(1)",
            "JAVASCRIPT://app.example.org/%0aalert(1)",
            "data:text/html,<script>alert(1)</script>",
            "//evil.example/",
            "/\\evil.example/",
            "/\t/evil.example/",
            "https:///nowhere",
            "https://[::1",
            "a\r\nSet-Cookie: b=c",
        ]
    ),
)


class Outline(HTMLParser):
    """What a browser would make of a page, roughly."""

    def __init__(self, page: Page) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open = ""
        self.feed(page.body.decode())
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._open = tag
        self.texts.setdefault(tag, []).append("")

    def handle_data(self, data):
        if self._open:
            self.texts[self._open][-1] += data

    def every(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def shape(self):
        """The elements with the names of their attributes, so that nothing injected goes unseen."""
        return [(tag, tuple(sorted(attributes))) for tag, attributes in self.tags]


def header(page, name):
    """The one value of a header."""
    (value,) = (value for key, value in page.headers if key == name)
    return value


def inline(page, tag):
    return re.findall(rf"<{tag}>(.*?)</{tag}>", page.body.decode(), re.DOTALL)


def check_headers(page):
    for name, value in page.headers:
        assert (name + value).isascii()
        assert (name + value).isprintable()
    assert int(header(page, "Content-Length")) == len(page.body)


# -- hostile values --


@given(reference=HOSTILE, explanation=HOSTILE.filter(bool), support=HOSTILE, site=HOSTILE, login=HOSTILE)
def test_no_value_changes_what_a_refusal_consists_of(reference, explanation, support, site, login):
    """Whatever stands in a value is text on a refusal page: no element and no attribute comes from it."""
    # The same page with harmless values, which are links exactly where these ones are.
    page = Pages(support=support, site=site).refused(
        "not_found", reference=reference, login_url=login, explanation=explanation
    )
    seen = Outline(page)
    harmless = Pages(
        support="" if not support.strip() else "/help" if len(seen.every("a")) > linked(seen) else "Desk 5",
        site="x" if "header" in seen.texts else "",
    ).refused("not_found", reference="R", login_url="/in" if linked(seen) else "", explanation="E")
    assert seen.shape == Outline(harmless).shape
    check_links(seen)


@given(action=HOSTILE, token=HOSTILE, way=HOSTILE)
def test_no_value_changes_what_the_sign_out_form_consists_of(action, token, way):
    """The form that confirms a sign-out has the elements of its template and no others, or isn't rendered."""
    try:
        page = PAGES.confirm_sign_out(action=action, token=token, return_url=way)
    except ValueError:
        page = PAGES.confirm_sign_out(action="/out", token=token, return_url=way)
    seen = Outline(page)
    harmless = PAGES.confirm_sign_out(
        action="/out",
        token="t",
        return_url=("https://h/" if seen.every("header") else "/") if linked(seen) else "",
    )
    assert seen.shape == Outline(harmless).shape
    assert len(seen.every("input")) == 1
    check_links(seen)
    check_headers(page)


@given(fields=st.dictionaries(HOSTILE, HOSTILE, max_size=4))
def test_no_field_changes_what_the_post_form_consists_of(fields):
    """Names and values of fields arrive as they are, and bring no element or attribute of their own."""
    page = PAGES.post_form(action="https://idp.example.net/sso", fields=fields)
    seen = Outline(page)
    harmless = PAGES.post_form(
        action="https://idp.example.net/sso", fields={f"n{i}": "v" for i in range(len(fields))}
    )
    assert seen.shape == Outline(harmless).shape
    sent = [(each["name"], each["value"]) for each in seen.every("input")]
    printable = {n: v for n, v in fields.items() if (n + v).isprintable()}
    assert set(printable.items()) <= set(sent)
    check_headers(page)


@pytest.mark.parametrize(
    "action", ["", "javascript:alert(1)", "/sso", "//idp.example.net/", "https:///", "ftp://a/"]
)
def test_a_form_goes_to_an_identity_provider_or_nowhere(action):
    """A SAML request is never put into a form whose action is no http(s) URL."""
    with pytest.raises(ValueError, match="action"):
        PAGES.post_form(action=action, fields={"SAMLRequest": "a"})


@pytest.mark.parametrize(
    ("support", "href", "text"),
    [
        ("https://help.example.org/?a&b", "https://help.example.org/?a&b", "https://help.example.org/?a&b"),
        ("/help", "/help", "/help"),
        ("help@example.org", MAIL, "help@example.org"),
        ("MAILTO:help@example.org", MAIL, "help@example.org"),
        ("Call 1234, or come to desk 5", None, "Call 1234, or come to desk 5"),
        ("javascript:alert(1)", None, "javascript:alert(1)"),
        ("mailto:a@b.example?cc=everybody@b.example", None, "mailto:a@b.example?cc=everybody@b.example"),
        ("data:text/html,hello", None, "data:text/html,hello"),
        ("//evil.example", None, "//evil.example"),
    ],
)  # fmt: skip
def test_support_is_a_link_only_if_it_is_an_address(support, href, text):
    """A URL and an e-mail address become links (mail with the reference in its subject); all else is text."""
    page = Pages(support=support).refused("ambiguous", reference=REF, login_url="")
    seen = Outline(page)
    assert [each["href"] for each in seen.every("a")] == ([href] if href else [])
    assert text in html.unescape(page.body.decode())


# -- readable --


@pytest.mark.parametrize("name", EVERY_PAGE)
def test_every_page_can_be_read_by_a_screen_reader(name):
    """Language, title, one heading that is the title, one main, and nothing loaded from anywhere."""
    page = EVERY_PAGE[name]
    seen = Outline(page)
    assert seen.every("html") == [{"lang": "en-GB"}]
    assert len(seen.every("main")) == 1
    (heading,) = seen.texts["h1"]
    (title,) = seen.texts["title"]
    assert heading.strip()
    assert title.startswith(heading.strip())
    assert {"name": "robots", "content": "noindex"} in seen.every("meta")
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in seen.every("meta")
    for tag, attributes in seen.tags:
        assert not {"src", "style", "onclick", "onload", "srcset"} & set(attributes), tag
    assert [each["href"] for each in seen.every("link")] == ["data:,"]
    assert all(each["aria-hidden"] == "true" for each in seen.every("svg"))


def test_the_code_and_the_reference_are_a_definition_list():
    """A person on the phone finds both under their names."""
    seen = Outline(EVERY_PAGE["not_found"])
    assert [text.strip() for text in seen.texts["dt"]] == ["Code", "Reference"]
    assert [text.strip() for text in seen.texts["dd"]] == ["not_found", REF]


@pytest.mark.parametrize(
    ("site", "login", "shown"),
    [
        ("Wiki of Example Ltd", LOGIN, "Wiki of Example Ltd"),
        ("", LOGIN, "app.example.org"),
        ("", "https://xn--bcher-kva.example/in", "xn--bcher-kva.example"),
        ("", "/saml/login", None),
    ],
)
def test_the_page_says_whose_it_is(site, login, shown):
    """The site's name, or else the host of the page's own link, stands in the title and above the page."""
    seen = Outline(Pages(site=site).signed_out(login_url=login))
    (title,) = seen.texts["title"]
    assert title.strip() == "You are signed out" + (f" – {shown}" if shown else "")
    assert [text.strip() for text in seen.texts.get("header", [])] == ([shown] if shown else [])


def test_signed_out_is_true_of_everybody():
    """A stranger sees the page, too: it claims no sign-out, and no session at the identity provider."""
    for everywhere in (True, False):
        seen = html.unescape(PAGES.signed_out(login_url=LOGIN, everywhere=everywhere).body.decode())
        assert "Nobody is signed in to this application in this browser" in seen
        assert "You may still be signed in at your identity provider" in seen
        assert ("may not have reached every server" in seen) is not everywhere
        for claim in ("You have", "You are still", "Your session", "again"):
            assert claim not in seen


def test_a_form_of_a_stranger_claims_no_session():
    """Whoever sends a form without a session may never have had one."""
    seen = html.unescape(EVERY_PAGE["sign in again"].body.decode())
    assert "You aren't signed in (any more)" in seen
    assert "session has ended" not in seen
    assert "again</h1>" not in seen


@pytest.mark.parametrize(
    ("code", "step", "first"),
    [
        *((code, "Try again", False) for code in (
            "not_found", "inactive", "managed_elsewhere", "ambiguous", "mismatch", "link_conflict",
            "conflict", "attribute_unusable", "missing_attribute",
        )),
        ("expired", "Sign in again", True),
        ("cookie_refused", "Sign in again", True),
        ("unsolicited_refused", "Sign in", True),
        ("store_unavailable", "Try again", True),
        ("bad_request", "Start again", True),
    ],
)  # fmt: skip
def test_the_button_is_what_comes_next(code, step, first):
    """Where a new sign-in changes nothing, the advice comes first: the button doesn't look like the cure."""
    (button,) = [each for each in Outline(EVERY_PAGE[code]).every("a") if "class" in each]
    assert button["class"] == ("button" if first else "button second")
    assert f">{step}</a>" in EVERY_PAGE[code].body.decode()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(scheme):
    """Text, links, buttons and marks keep the contrast of WCAG 2.2 AA in both colour schemes."""
    (style,) = inline(EVERY_PAGE["signed out"], "style")
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#\w{6})", blocks[("light", "dark").index(scheme)]))
    for text in ("text", "quiet", "link"):
        for ground in ("ground", "card", "well"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for button in ("button", "button-hover"):
        assert contrast(colours["button-text"], colours[button]) >= 4.5
        assert contrast(colours[button], colours["card"]) >= 3
    for mark in ("trouble", "done"):
        assert contrast(colours[mark], colours["card"]) >= 3


# -- what the tests above share --


def linked(seen):
    """How many links of the page's own there are; one to the support desk comes last, in the footer."""
    return sum(1 for each in seen.every("a") if "class" in each)


def check_links(seen):
    for tag, attributes in seen.tags:
        for name in ("href", "action"):
            url = attributes.get(name)
            if url is not None and tag != "link":
                assert re.match(r"https?://[^/]|mailto:|/(?!/)", url, re.IGNORECASE), url
                assert not re.search(r"[\x00-\x20\x7f\\]", url)


def contrast(one, other):
    """The ratio of WCAG 2.2 (definitions of contrast ratio and relative luminance)."""
    dark, light = sorted(map(luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour):
    parts = [int(colour[a:b], 16) / 255 for a, b in pairwise((1, 3, 5, 7))]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
