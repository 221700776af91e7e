"""Whatever is written: reading it raises nothing, and no problem repeats a secret."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saml_wsgi.config.options import TABLE
from saml_wsgi.config.settings import hidden_by_defaults, read
from saml_wsgi.errors import Problems

SECRETS = [key for key, option in TABLE.items() if option.secret]
#: Parts of what an option may hold, so that more than the first check is reached.
FRAGMENTS = st.sampled_from(
    [
        *"/:@#;?%[]*<&\n .~$",
        "https://", "http://", "localhost", "wiki.example.com", "file:", "env:", "sqlite:///", "memory:",
        "postgresql+psycopg://", "u:p@h", "/db", "-----BEGIN CERTIFICATE-----", "-----BEGIN PRIVATE KEY-----",
        "-----END CERTIFICATE-----", "AAAA", "yes", "off", "NameID", "jit", "5 min", "256 KiB", "..", "\x00",
        "\ud800", "é", "9" * 30,
    ]
)  # fmt: skip
TEXTS = st.text(max_size=40) | st.lists(FRAGMENTS, max_size=6).map("".join)
VALUES = (
    TEXTS
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.timedeltas()
    | st.binary(max_size=5)
    | st.lists(TEXTS | st.integers(), max_size=4)
    | st.dictionaries(st.text(max_size=3), st.none(), max_size=2)
)
RESOLVER_KEYS = st.sampled_from(
    ["resolver.jit.use", "resolver.jit.x", "resolver.other.x", "resolver.", "resolver.jit"]
)
KEYS = st.sampled_from(list(TABLE)) | RESOLVER_KEYS | TEXTS | st.integers()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(options=st.dictionaries(KEYS, VALUES, max_size=12), with_here=st.booleans())
def test_reading_never_raises(tmp_path_factory, options, with_here):
    """Any mapping gives settings, or at least one problem; every problem has text fit to print."""
    problems = Problems()
    here = str(tmp_path_factory.getbasetemp()) if with_here else None
    hidden_by_defaults(options, {}, Problems()) if all(isinstance(key, str) for key in options) else None
    found = read(options, here=here, problems=problems)
    assert (found is None) == bool(problems.fatal)
    for problem in (*problems.fatal, *problems.warnings):
        assert problem.reason
        assert str(problem).encode()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    key=st.sampled_from(SECRETS),
    before=st.sampled_from(
        ["", "\n", "postgresql+psycopg://u:", "sqlite://", "-----BEGIN PRIVATE KEY-----\n", "x "]
    ),
    after=st.sampled_from(["", "@h/db", "@h", "#@h/db", " ; comment", "\nmore", "/../x", "\x00"]),
    middle=TEXTS,
)
def test_no_problem_shows_a_secret(tmp_path_factory, key, before, after, middle):
    """A literal secret, right or wrong, stands in no problem and in no representation."""
    secret = "Hunter2Zq"
    value = f"{before}{secret}{middle}{secret}{after}"
    problems = Problems()
    found = read({key: value}, here=str(tmp_path_factory.getbasetemp()), problems=problems)
    said = "\n".join(str(problem) for problem in (*problems.fatal, *problems.warnings)) + repr(found)
    assert secret not in said


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(value=st.text(min_size=8, max_size=80))
def test_no_problem_shows_what_a_reference_leads_to(tmp_path, monkeypatch, value):
    """The content of a file or a variable stands in no problem, whatever is wrong with it."""
    marked = f"Hunter2Zq{value}".replace("\x00", "").encode("utf-8", "ignore")
    (tmp_path / "secret").write_bytes(marked)
    monkeypatch.setenv("ANY_SECRET", marked.decode())
    problems = Problems()
    for reference in ("file:secret", "env:ANY_SECRET", "file:$ANY_SECRET"):
        options: dict[str, object] = dict.fromkeys(SECRETS, reference)
        options.update({"sp.certificate": reference, "idp.certificate": reference, "idp.metadata": reference})
        read(options, here=str(tmp_path), problems=problems)
    assert "Hunter2Zq" not in "\n".join(str(problem) for problem in (*problems.fatal, *problems.warnings))
