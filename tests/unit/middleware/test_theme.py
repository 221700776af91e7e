"""An operator's templates replace ours one by one, are checked at the start, and never end in no page."""

import base64
import hashlib
import logging
import re
from pathlib import Path

import pytest

from saml_wsgi.errors import ConfigurationError
from saml_wsgi.middleware.pages import Pages

LOGIN = "https://app.example.org/saml/login"
REF = "7K3MQ2XW9P"


def header(page, name):
    """The one value of a header."""
    (value,) = (value for key, value in page.headers if key == name)
    return value


def policy(page):
    """The page's Content-Security-Policy by directive."""
    directives = (
        directive.split(" ", 1) for directive in header(page, "Content-Security-Policy").split("; ")
    )
    return dict(directives)


def hashed(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def inline(page, tag):
    return re.findall(rf"<{tag}>(.*?)</{tag}>", page.body.decode(), re.DOTALL)


def check_headers(page):
    for name, value in page.headers:
        assert (name + value).isascii()
        assert (name + value).isprintable()
    assert int(header(page, "Content-Length")) == len(page.body)


@pytest.fixture
def folder(tmp_path):
    """Writes files into a folder of templates and returns its name."""

    def write(**files):
        for name, content in files.items():
            path = tmp_path / name.replace("_html", ".html").replace("_css", ".css")
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(tmp_path)

    return write


def reasons(folder):
    """What is reported about a folder of templates, all under its key."""
    with pytest.raises(ConfigurationError) as error:
        Pages(templates=folder)
    assert {problem.key for problem in error.value.problems} == {"pages.templates"}
    return [problem.reason for problem in error.value.problems]


def test_one_template_is_replaced_and_the_others_stay(folder):
    """A page can be replaced in full, or by one block of the original; the rest is ours."""
    name = folder(
        signed_out_html="Bye.",
        refused_html='{% extends "saml_wsgi/refused.html" %}{% block footer %}Café, {{ code }}{% endblock %}',
    )
    pages = Pages(templates=name)
    assert pages.signed_out(login_url=LOGIN).body == b"Bye."
    refused = pages.refused("not_found", reference=REF, login_url=LOGIN)
    assert "Café, not_found" in refused.body.decode()
    assert REF.encode() in refused.body
    check_headers(refused)
    again = {"login_url": LOGIN, "reference": REF}
    assert b"Caf" in pages.sign_in_again(**again).body
    confirm = {"action": "/out", "token": "t", "return_url": "/"}
    assert pages.confirm_sign_out(**confirm).body == Pages().confirm_sign_out(**confirm).body


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_replaced_style_is_allowed_by_the_policy(folder, line_end):
    """style.css can be replaced alone; the policy has its hash as a browser computes it."""
    css = line_end.join(["body { color: red }", '.a > .b { content: "é" }', ""])
    page = Pages(templates=folder(style_css=css)).signed_out(login_url=LOGIN)
    (style,) = inline(page, "style")
    assert style == css.replace(line_end, "\n")
    assert policy(page)["style-src"] == hashed(style)
    assert policy(page)["img-src"] == "'self' data:"


def test_values_are_escaped_in_an_operators_template_too(folder):
    """Autoescape doesn't depend on the template's name or author."""
    pages = Pages(templates=folder(refused_html="<p>{{ reference }} {{ login_url }} {{ explanation }}"))
    page = pages.refused("idp_refused", reference=REF, login_url="", explanation="<b>")
    assert b"&lt;b&gt;" in page.body


@pytest.mark.parametrize(
    ("template", "reported"),
    [
        (b"<p>\n{% if %}", r"refused\.html, line 2: .*"),
        (b"<p>\n\n{{ no_such_value }}", r"refused\.html, line 3: UndefinedError: .*no_such_value.*"),
        (b"{{ reference }}{{ login_url }}{{ 1 // 0 }}", r"refused\.html, line 1: ZeroDivisionError: .*"),
        (b'{% extends "nowhere.html" %}', r"refused\.html, line 1: TemplateNotFound: .*"),
        (b"\xff\xfe", r"UnicodeDecodeError: .*"),
        (b"Sorry.", r"refused\.html doesn't show what it must: reference\."),
        (b"{{ reference }}{{ login_url }}<style>p{}</style>", r"refused\.html has a style element .*"),
        (b"{{ reference }}{{ login_url }}<script>1</script>", r"refused\.html has a script element .*"),
        (b"{{ reference }}{{ login_url }}{% if explanation %}{{ a }}{% endif %}", r"refused\.html, line 1.*"),
        (b'{% extends "refused.html" %}', r".*RecursionError: .*"),
    ],
)  # fmt: skip
def test_a_broken_template_is_reported_at_the_start(folder, template, reported):
    """Syntax, unknown values, wrong encoding and missing parts are named with their file and line."""
    assert re.fullmatch(reported, reasons(folder(refused_html=template))[0])


@pytest.mark.parametrize("name", ["confirm_sign_out_html", "post_form_html", "sign_in_again_html"])
def test_a_form_without_its_fields_does_not_start(folder, name):
    """A page that could not do its work is refused at the start, not found out by people."""
    found = reasons(folder(**{name: "<form></form>"}))
    assert found
    assert all("doesn't show what it must" in reason for reason in found)


def test_all_that_is_broken_is_reported_at_once(folder):
    """Two broken templates, one of them only included, are two problems."""
    name = folder(refused_html="{{ a }}", signed_out_html="{{ b }}", extra_html="{% endif %}")
    found = reasons(name)
    assert [reason.split(",")[0] for reason in found] == ["extra.html", "refused.html", "signed_out.html"]


def test_a_folder_that_replaces_nothing_is_reported(folder, tmp_path):
    """A folder that is missing, a file, or holds no name of ours is most likely a mistake."""
    (reason,) = reasons(str(tmp_path / "missing"))
    assert "can't be read as a folder" in reason
    (tmp_path / "plain.txt").write_text("")
    (reason,) = reasons(str(tmp_path / "plain.txt"))
    assert "can't be read as a folder" in reason
    (reason,) = reasons(folder(signedout_html="Bye."))
    assert "replaces a page" in reason


@pytest.mark.parametrize("style", [b"</STYLE><script>", b"<!-- a", b"\0", b"\xff"])
def test_a_style_that_is_no_style_is_reported(folder, style):
    """What would end the style element, or is not UTF-8, does not start."""
    (reason,) = reasons(folder(style_css=style))
    assert "style.css" in reason


def test_a_template_that_fails_later_is_replaced_by_ours(folder, caplog):
    """A value that nobody thought of ends in our page and a line in the log, never in a crash."""
    pages = Pages(
        templates=folder(
            refused_html="{{ reference }}{{ login_url }}{% if code == 'inactive' %}{{ oops }}{% endif %}"
        )
    )
    assert pages.refused("not_found", reference=REF, login_url="").body == REF.encode()
    with caplog.at_level(logging.ERROR):
        page = pages.refused("inactive", reference=REF, login_url=LOGIN)
    assert page == Pages().refused("inactive", reference=REF, login_url=LOGIN)
    assert "refused.html" in caplog.text


def test_a_template_that_changes_later_is_not_read(folder):
    """What was checked at the start is what people see until the next one."""
    pages = Pages(templates=folder(signed_out_html="Bye."))
    folder(signed_out_html="{% broken")
    assert pages.signed_out(login_url=LOGIN).body == b"Bye."


def test_the_templates_that_can_be_replaced_are_those_there_are():
    """The list of names that an operator is told is the list of files in the package."""
    from saml_wsgi.middleware import theme

    there = Path(theme.__file__).parent / "templates"
    assert sorted(each.name for each in there.iterdir()) == sorted([*theme.TEMPLATES, theme.STYLE])
