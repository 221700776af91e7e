"""Plug-ins: what an operator names by entry point or ``module:attribute``, checked when it is loaded."""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
from collections.abc import Callable
from typing import Any, Final

from saml_wsgi.config.settings import ResolverSettings
from saml_wsgi.errors import ConfigurationError, Problem
from saml_wsgi.interfaces import Resolver
from saml_wsgi.resolvers.context import ResolverContext

_GROUP: Final = "saml_wsgi.resolvers"


def resolver(wanted: ResolverSettings, context: ResolverContext) -> Resolver:
    """Make the resolver that ``resolver.<name>.use`` names, from its options.

    Raises:
        ConfigurationError: It can't be loaded, doesn't take its options, or made something else.
    """
    key = f"resolver.{wanted.name}.use"
    factory = _load(wanted.use, key)
    try:
        # Only the call itself is looked at: a TypeError from inside is the factory's own bug.
        inspect.signature(factory).bind(context, **wanted.options)
    except (TypeError, ValueError) as error:  # ValueError: a callable in C without a signature
        raise ConfigurationError(
            Problem(
                key, f"{wanted.use!r} can't be made from these options: {error}.", "See its documentation."
            )
        ) from None
    made = factory(context, **wanted.options)
    if not callable(getattr(made, "resolve", None)):
        raise ConfigurationError(
            Problem(
                key,
                f"{wanted.use!r} made {type(made).__name__}, which has no method resolve(assertion).",
                "A resolver has the shape of saml_wsgi.interfaces.Resolver.",
            )
        )
    checked: Resolver = made
    return checked


def _load(use: str, key: str) -> Callable[..., Any]:
    """What ``module:attribute``, or the name of an entry point, stands for."""
    entry_points = importlib.metadata.entry_points(group=_GROUP)
    if ":" not in use and use not in entry_points.names:
        names = ", ".join(sorted(entry_points.names))
        raise ConfigurationError(
            Problem(key, f"there is no resolver {use!r}.", f"Use {names} or module:attribute.")
        )
    try:
        found = _named(use) if ":" in use else entry_points[use].load()
    except Exception as error:
        # Loading runs somebody's module, which may raise whatever it likes.
        what = f"{use!r} can't be loaded ({type(error).__name__}: {error})."
        raise ConfigurationError(Problem(key, what, "Correct its name, or the module.")) from error
    if not callable(found):
        raise ConfigurationError(Problem(key, f"{use!r} can't be called.", "Name a factory or a class."))
    factory: Callable[..., Any] = found
    return factory


def _named(use: str) -> Any:
    module, _, attribute = use.partition(":")
    found: Any = importlib.import_module(module)
    for part in attribute.split("."):
        found = getattr(found, part)
    return found
