"""One response, one session: wherever and however often it is posted."""

from __future__ import annotations

import io
import multiprocessing
import threading
from urllib.parse import urlencode

import pytest

from saml_wsgi import from_options

WIKI = "https://wiki.example.test"
SECRET = "dPq0zXvB81nWmTtYkLr5sGhJcEaUoI72fQ9"


def options(tmp_path, metadata):
    return {
        "base_url": WIKI,
        "idp.metadata": metadata,
        "session.secret": SECRET,
        "store.url": f"sqlite:///{tmp_path}/wiki.db",
    }


def post(app, cookie, body):
    """Post a response; the session cookies that come back."""
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/saml/acs",
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_COOKIE": cookie,
        "wsgi.input": io.BytesIO(body),
    }
    answers = []
    app(environ, lambda status, headers: answers.append((status, headers)))
    status, headers = answers[0]
    return status, [value for name, value in headers if value.startswith("__Host-saml_wsgi")]


def prepared(app, idp):
    pending = app.provider.request("/x").pending
    _, cookie = app._cookies.set_pending(app.provider.pending.pack(pending), 0)
    form = idp.response("wiki", "mara", in_response_to=pending.id)
    return cookie.partition(";")[0], urlencode(form.fields).encode()


def test_32_threads(saml_idp, tmp_path):
    """32 threads that post the same response make one session and one user."""
    app = from_options(None, options(tmp_path, saml_idp.metadata("wiki")))
    cookie, body = prepared(app, saml_idp)
    barrier = threading.Barrier(32)
    results = []

    def run():
        barrier.wait()
        results.append(post(app, cookie, body))

    threads = [threading.Thread(target=run) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [status for status, _ in results] == ["303 See Other"] * 32
    assert sum(len(sessions) for _, sessions in results) == 1


def in_process(tmp_path, metadata, cookie, body, barrier, queue):
    app = from_options(None, options(tmp_path, metadata))
    barrier.wait()
    queue.put(len(post(app, cookie, body)[1]))


def test_4_processes(saml_idp, tmp_path):
    """Four processes on one store that get the same response make one session."""
    metadata = saml_idp.metadata("wiki")
    cookie, body = prepared(from_options(None, options(tmp_path, metadata)), saml_idp)
    context = multiprocessing.get_context("fork")
    barrier, queue = context.Barrier(4), context.Queue()
    processes = [
        context.Process(target=in_process, args=(tmp_path, metadata, cookie, body, barrier, queue))
        for _ in range(4)
    ]
    for process in processes:
        process.start()
    sessions = [queue.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(60)
    assert sorted(sessions) == [0, 0, 0, 1]


def test_first_sign_ins_of_one_person_make_one_user(saml_idp, tmp_path):
    """Sixteen first sign-ins of one person at once, each with a response of its own: one user."""
    app = from_options(None, options(tmp_path, saml_idp.metadata("wiki")))
    ready = [prepared(app, saml_idp) for _ in range(16)]
    barrier = threading.Barrier(16)
    results = []

    def run(cookie, body):
        barrier.wait()
        results.append(post(app, cookie, body))

    threads = [threading.Thread(target=run, args=one) for one in ready]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = set()
    for status, sessions in results:
        assert status == "303 See Other"
        value = sessions[0].partition("=")[2].partition(";")[0]
        ids.add(app.sessions.recognise(value).session.user.id)
    assert len(ids) == 1


@pytest.mark.parametrize("forge", ["unsigned", "another key"])
def test_nobody_burns_an_assertion(saml_idp, tmp_path, forge, saml_clock):
    """A forged message with a victim's IDs uses nothing up: the victim signs in afterwards."""
    from saml_wsgi.testing.keys import SigningKey

    app = from_options(None, options(tmp_path, saml_idp.metadata("wiki")))
    pending = app.provider.request("/x").pending
    _, cookie = app._cookies.set_pending(app.provider.pending.pack(pending), 0)
    cookie = cookie.partition(";")[0]
    ids = {}

    def note(tree):
        ids.update(assertion=tree.find("{*}Assertion").get("ID"), response=tree.get("ID"))

    def same(tree):
        tree.find("{*}Assertion").set("ID", ids["assertion"])
        tree.set("ID", ids["response"])

    form = saml_idp.response("wiki", "mara", in_response_to=pending.id, tamper=note)
    changes = {"sign": "none"} if forge == "unsigned" else {"key": SigningKey.cached("attacker")}
    forged = saml_idp.response("wiki", "mara", in_response_to=pending.id, tamper=same, **changes)
    assert post(app, cookie, urlencode(forged.fields).encode()) == ("403 Forbidden", [])
    status, sessions = post(app, cookie, urlencode(form.fields).encode())
    assert (status, len(sessions)) == ("303 See Other", 1)
