"""What an implementation of a seam promises, as tests that anybody can run on their own.

Subclass the suite in a test module of yours, give it the fixture it asks for, and pytest runs every
obligation of :mod:`saml_wsgi.interfaces`::

    import pytest
    from saml_wsgi.testing.contracts import StoreContract

    class TestMyStore(StoreContract):
        @pytest.fixture
        def make_store(self, tmp_path):
            return lambda clock: MyStore(tmp_path / "state", clock=clock)

=================================  ================================================================
suite                              fixture
=================================  ================================================================
``StoreContract``                  ``make_store``: from a clock to a store
``DirectoryContract``              ``make_directory``: from users to a directory that has just them
``WritableDirectoryContract``      ``directory``: an empty directory
``AdministeredDirectoryContract``  the same, with what ``saml-wsgi users`` needs
``AttendanceContract``             ``directory``: an empty, writable one
``GroupRegisterContract``          ``directory``: an empty, writable one
``LinksContract``                  ``links``: without any link
``AdministeredLinksContract``      the same, with what ``saml-wsgi links`` needs
``StandingsContract``              the same, with what sources say of their subjects
``PopulationContract``             ``population``: a source with somebody in it
``ResolverContract``               ``resolver``: ready to be asked
=================================  ================================================================

What a suite leaves to the implementation is a class attribute or another fixture to override; its
class says which.
"""

from __future__ import annotations

import pytest

# Failures then show values, as in any test module. It has to happen before the suites are imported.
pytest.register_assert_rewrite(
    *(
        f"{__name__}.{suite}"
        for suite in (
            *("administered", "crowd", "directory", "links", "population", "resolver", "standings"),
            *("store", "writable"),
        )
    )
)

from saml_wsgi.testing.contracts.administered import (  # noqa: E402 - see above
    AdministeredDirectoryContract,
    AttendanceContract,
    GroupRegisterContract,
)
from saml_wsgi.testing.contracts.directory import DirectoryContract  # noqa: E402 - see above
from saml_wsgi.testing.contracts.links import (  # noqa: E402 - see above
    AdministeredLinksContract,
    LinksContract,
)
from saml_wsgi.testing.contracts.population import PopulationContract  # noqa: E402 - see above
from saml_wsgi.testing.contracts.resolver import ResolverContract  # noqa: E402 - see above
from saml_wsgi.testing.contracts.standings import StandingsContract  # noqa: E402 - see above
from saml_wsgi.testing.contracts.store import StoreContract  # noqa: E402 - see above
from saml_wsgi.testing.contracts.writable import WritableDirectoryContract  # noqa: E402 - see above

__all__ = [
    "AdministeredDirectoryContract",
    "AdministeredLinksContract",
    "AttendanceContract",
    "DirectoryContract",
    "GroupRegisterContract",
    "LinksContract",
    "PopulationContract",
    "ResolverContract",
    "StandingsContract",
    "StoreContract",
    "WritableDirectoryContract",
]
