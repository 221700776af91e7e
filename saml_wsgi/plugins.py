"""Plug-ins: what an operator names by entry point or ``module:attribute``, checked when it is loaded."""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import traceback
from collections.abc import Callable, Mapping
from typing import Any, Final

from saml_wsgi.config.annotations import converter
from saml_wsgi.config.convert import Place, Unfit
from saml_wsgi.config.reading import Texts
from saml_wsgi.config.settings import ResolverSettings, Settings
from saml_wsgi.directories.unopened import Unopened
from saml_wsgi.errors import ConfigurationError, Problem, Problems, SamlWsgiError
from saml_wsgi.interfaces import Links, Resolver, WritableDirectory
from saml_wsgi.resolvers.chain import Chain
from saml_wsgi.resolvers.context import ResolverContext, refuse_unknown
from saml_wsgi.resolvers.existing import ExistingResolver
from saml_wsgi.resolvers.jit import JITResolver
from saml_wsgi.resolvers.mapping import AttributeMap

_GROUP: Final = "saml_wsgi.resolvers"
#: Made from a directory, not from a context: the entry point of that name is the way to them.
_MADE_OTHERWISE: Final[tuple[tuple[type, str], ...]] = ((JITResolver, "jit"), (ExistingResolver, "existing"))
_SHORTEST_MASKED: Final = 4
#: What stands in every traceback of a plug-in, and says nothing of it.
_OURS: Final = frozenset({__file__, importlib.__file__, importlib.metadata.__file__})


def chain(settings: Settings, directory: WritableDirectory, links: Links, problems: Problems) -> Chain | None:
    """The resolvers that are configured; None where one of them can't be made.

    With an :class:`~saml_wsgi.directories.unopened.Unopened` directory they are tried as far as they can be.
    """
    faulty = {problem.key for problem in problems.fatal}
    mapping = AttributeMap(
        username=settings.attributes.username,
        email=settings.attributes.email,
        first_name=settings.attributes.first_name,
        last_name=settings.attributes.last_name,
        display_name=settings.attributes.display_name,
        groups=settings.attributes.groups,
    )
    made: list[tuple[str, Resolver]] = []
    for wanted in settings.resolvers:
        context = ResolverContext(
            name=wanted.name,
            directory=directory,
            links=links if settings.link.source else None,
            mapping=mapping,
            match=settings.match,
            link_source=settings.link.source,
        )
        if any(key.startswith(context.key("")) for key in faulty):
            continue  # what was meant isn't known
        try:
            made.append((wanted.name, resolver(wanted, context)))
        except ConfigurationError as error:
            problems.include(error)
        except SamlWsgiError as error:
            # Why the directory couldn't be opened is told already.
            if not isinstance(directory, Unopened):
                cure = "See to it that it can, then start again."
                problems.add(context.key("use"), f"it can't be used now: {error}.", cure)
    if not made:
        return None
    try:
        found = Chain(made, directory)
    except ConfigurationError as error:
        problems.include(error)
        return None
    return found if len(made) == len(settings.resolvers) else None


def resolver(wanted: ResolverSettings, context: ResolverContext) -> Resolver:
    """Make the resolver that ``resolver.<name>.use`` names: ``factory(context, **options)``.

    An option becomes what the annotation of its parameter says: ``str``, ``int``, ``float``, ``bool``
    (``yes``, ``no``), ``timedelta`` (``90 s``, ``5 min``), or a ``list``, ``tuple``, ``Sequence``, ``set`` or
    ``frozenset`` of these (``tuple[str, ...]``), each also optional (``int | None``). Without an
    annotation it is text. ``**options`` takes whatever else is written. A factory asks nothing of the
    directory: the tables may not be made yet.

    Raises:
        ConfigurationError: It can't be loaded, doesn't take its options (each under its own key), raised
            something, or made something else.
        Unavailable: What the factory needs doesn't answer.
    """
    key = context.key("use")
    factory = _load(wanted.use, key)
    _refuse_ours(factory, wanted.use, key)
    options = _converted(factory, wanted, context)
    try:
        made = factory(context, **options)
    except SamlWsgiError:
        raise
    except Exception as error:  # noqa: BLE001 - it is somebody else's, and may raise whatever it likes
        what = f"{wanted.use!r} raised {_told(error, wanted.options)}."
        raise ConfigurationError(Problem(key, what, "Correct its options, or the module.")) from None
    _check_shape(made, wanted.use, key)
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
    except (Exception, SystemExit) as error:
        # Loading runs somebody's module, which may raise whatever it likes.
        what = f"{use!r} can't be loaded: {_told(error, {})}."
        cure = "Correct its name, or the module."
        if isinstance(error, ModuleNotFoundError):
            cure = "Correct its name, or let Python find it: install it, or set PYTHONPATH."
        raise ConfigurationError(Problem(key, what, cure)) from error
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


def _refuse_ours(factory: Callable[..., Any], use: str, key: str) -> None:
    """Our classes take a directory first: made from a context, they would fail at the first sign-in."""
    if not isinstance(factory, type):
        return
    for ours, name in _MADE_OTHERWISE:
        if issubclass(factory, ours) and _init(factory) is _init(ours):
            cure = f"Write {key} = {name}."
            if factory is not ours:
                cure = f"Name a function that makes it, as saml_wsgi.resolvers.{name}:factory does."
            raise ConfigurationError(
                Problem(key, f"{use!r} isn't made from a context and options.", cure),
            )


def _init(made: type) -> Any:
    return inspect.getattr_static(made, "__init__")


# -- options --


def _converted(
    factory: Callable[..., Any], wanted: ResolverSettings, context: ResolverContext
) -> dict[str, Any]:
    """The options, each as its parameter's annotation says."""
    key = context.key("use")
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError, NameError) as error:  # a callable in C, or annotations that fail
        what = f"the parameters of {wanted.use!r} can't be read: {error}."
        raise ConfigurationError(Problem(key, what, "Name a function or a class in Python.")) from None
    taken = [
        parameter
        for parameter in signature.parameters.values()
        if parameter.kind not in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}
    ]
    named = {
        parameter.name: parameter for parameter in taken[1:] if parameter.kind != parameter.POSITIONAL_ONLY
    }
    further = next((p for p in signature.parameters.values() if p.kind == p.VAR_KEYWORD), None)
    first = taken[0].name if taken else None
    refuse_unknown(
        context,
        (name for name in wanted.options if name not in named and (further is None or name == first)),
        named,
    )
    problems = Problems()
    options: dict[str, Any] = {}
    for name, value in wanted.options.items():
        place = Place(context.key(name), problems=problems)
        try:
            options[name] = _option(factory, named.get(name) or further, value, place)
        except Unfit as unfit:
            problems.add(place.key, unfit.reason, unfit.cure)
    for name, parameter in named.items():
        if parameter.default is parameter.empty and name not in wanted.options:
            problems.add(context.key(name), "it is required.", f"{wanted.use!r} can't do without it.")
    problems.raise_if_fatal()
    try:
        signature.bind(context, **options)
    except TypeError as error:
        what = f"{wanted.use!r} can't be made from a context and options: {error}."
        raise ConfigurationError(Problem(key, what, "It is called as factory(context, **options).")) from None
    return options


def _option(
    factory: Callable[..., Any],
    parameter: inspect.Parameter | None,
    value: Texts,
    place: Place,
) -> Any:
    assert parameter is not None
    annotation = str if parameter.annotation is parameter.empty else parameter.annotation
    if isinstance(annotation, str):
        annotation = _evaluated(factory, annotation)
    convert = converter(annotation)
    if convert is None:
        raise Unfit(
            f"no text can become what its parameter takes: {inspect.formatannotation(annotation)}.",
            "Annotate it with str, int, float, bool, timedelta, or a list or tuple of one of them.",
        )
    return convert(value, place)


def _evaluated(factory: Callable[..., Any], annotation: str) -> Any:
    """An annotation that stands as text in its module (``from __future__ import annotations``)."""
    code: Any = factory
    while hasattr(code, "func"):  # functools.partial
        code = code.func
    if isinstance(code, type):
        code = _init(code)
    elif not inspect.isroutine(code):
        code = type(code).__call__
    try:
        return eval(annotation, dict(getattr(inspect.unwrap(code), "__globals__", {})))  # noqa: S307 - the plug-in's own code, which was imported
    except Exception as error:  # noqa: BLE001 - as above
        what = f"its parameter's annotation {annotation!r} can't be read ({type(error).__name__}: {error})."
        raise Unfit(what, "Import what it names where the module is run, too.") from None


# -- what came of it --


def _check_shape(made: object, use: str, key: str) -> None:
    resolve = getattr(made, "resolve", None)
    cure = "A resolver has the shape of saml_wsgi.interfaces.Resolver."
    if not callable(resolve):
        what = f"{use!r} made {type(made).__name__}, which has no method resolve(assertion)."
        raise ConfigurationError(Problem(key, what, cure))
    if inspect.iscoroutinefunction(resolve):
        what = f"{use!r} made {type(made).__name__}, whose resolve is a coroutine, which nobody awaits."
        raise ConfigurationError(Problem(key, what, "Write def instead of async def."))
    try:
        inspect.signature(resolve).bind(object())
    except TypeError as error:
        what = (
            f"{use!r} made {type(made).__name__}, whose resolve can't be called with an assertion: {error}."
        )
        raise ConfigurationError(Problem(key, what, cure)) from None
    except (ValueError, NameError):
        return  # a callable in C says nothing of its parameters


def _told(error: BaseException, options: Mapping[str, Texts]) -> str:
    """The error and where it was raised, without the value of an option, which may be a secret."""
    said = str(error)
    for value in options.values():
        for entry in (value,) if isinstance(value, str) else value:
            if len(entry) >= _SHORTEST_MASKED:
                said = said.replace(entry, "…")
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if frame.filename not in _OURS and not frame.filename.startswith("<")]
    where = f" ({theirs[-1].filename}, line {theirs[-1].lineno})" if theirs else ""
    kind = type(error).__name__
    return f"{kind}: {said}{where}" if said else f"{kind}{where}"
