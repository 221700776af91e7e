"""Protected applications to attack: one for each set of options in the whole run, since they are dear."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.attack.scene import Scene, Service


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Service]]:
    """``services(idp__unsolicited="accept")``: the service with these options."""
    made: dict[str, Service] = {}

    def service(**options: object) -> Service:
        name = repr(sorted(options.items()))
        if name not in made:
            made[name] = Service(tmp_path_factory.mktemp("service"), **options)
        return made[name]

    yield service
    for one in made.values():
        one.close()


@pytest.fixture
def scene(services) -> Callable[..., Scene]:
    """``scene(idp__unsolicited="accept")``: a browser that waits for an answer."""
    return lambda **options: services(**options).scene()
