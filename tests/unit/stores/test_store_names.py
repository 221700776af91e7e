"""What no store of ours takes as a key, a tag or a ttl."""

import pytest

from saml_wsgi.stores.memory import MemoryStore
from saml_wsgi.stores.sql import SQLStore

BAD_NAMES = ["x" * 201, "\u00e9", "a\0b", "a\nb", "\ud800"]


@pytest.fixture(params=["memory", "sql"])
def store(request, url):
    return MemoryStore() if request.param == "memory" else SQLStore(url)


@pytest.mark.parametrize("name", BAD_NAMES)
def test_bad_keys_and_tags_are_refused(store, name):
    """A key or tag that isn't printable ASCII of at most 200 characters is the caller's mistake."""
    calls = [
        lambda: store.add(name, b"v", 1),
        lambda: store.get(name),
        lambda: store.put(name, b"v", 1),
        lambda: store.put("key", b"v", 1, tags=["fine", name]),
        lambda: store.replace(name, b"v", 1),
        lambda: store.pop(name),
        lambda: store.tagged(name),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="ASCII"):
            call()
    assert store.get("key") is None


@pytest.mark.parametrize("ttl", [0, -1])
def test_a_ttl_is_positive(store, ttl):
    """What would be gone at once isn't stored, and the caller is told."""
    store.put("present", b"v", 60)
    for call in (store.add, store.put, store.replace):
        with pytest.raises(ValueError, match="ttl"):
            call("present", b"w", ttl)
    assert store.get("present") == b"v"
