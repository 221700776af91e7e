"""Plug-ins of any kind: what an operator names by entry point or ``module:attribute``, made and looked at.

A plug-in is made by ``factory(context, **options)``. An option becomes what the annotation of its
parameter says: ``str``, ``int``, ``float``, ``bool`` (``yes``, ``no``), ``timedelta`` (``90 s``, ``5 min``),
or a ``list``, ``tuple``, ``Sequence``, ``set`` or ``frozenset`` of these (``tuple[str, ...]``), each also
optional (``int | None``). Without an annotation it is text. ``**options`` takes whatever else is written.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import inspect
import re
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from saml_wsgi.config.annotations import converter
from saml_wsgi.config.convert import Place, Unfit
from saml_wsgi.config.plugged import Texts
from saml_wsgi.errors import ConfigurationError, Problem, Problems, SamlWsgiError

#: An option's value may be a secret; a shorter one stands in too many words to be told from them.
_SHORTEST_MASKED: Final = 4
#: What stands in every traceback of a plug-in, and says nothing of it.
_OURS: Final = frozenset({__file__, importlib.__file__, importlib.metadata.__file__})
#: Classes of ours that are made from something else than a context, and the name that leads to each.
_MADE_OTHERWISE: Final[Mapping[str, str]] = {
    "saml_wsgi.resolvers.jit:JITResolver.__init__": "jit",
    "saml_wsgi.resolvers.existing:ExistingResolver.__init__": "existing",
    "saml_wsgi.resolvers.ldap:LDAPResolver.__init__": "ldap",
    "saml_wsgi.directories.sql:SQLDirectory.__init__": "sql",
    "saml_wsgi.directories.table:TableDirectory.__init__": "table",
}


class Call(NamedTuple):
    """A call that an object must be fit for.

    Attributes:
        arguments: What is given by position.
        names: What is given by name.
    """

    method: str
    arguments: tuple[str, ...]
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.method}({', '.join(self.arguments)})"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of plug-ins.

    Attributes:
        noun: What one is called.
        group: The entry points' group.
        interface: Where its shape is described.
        calls: What it must be fit for.
        together: What it may be fit for: all of it or nothing.
        known: Names that are no entry points.
    """

    noun: str
    group: str
    interface: str
    calls: tuple[Call, ...]
    together: tuple[Call, ...] = ()
    known: tuple[str, ...] = ()


RESOLVER: Final = Kind("resolver", "saml_wsgi.resolvers", "Resolver", (Call("resolve", ("assertion",)),))
SOURCE: Final = Kind("source", "saml_wsgi.sources", "Source", (Call("look_up", ("keys",)),))
DIRECTORY: Final = Kind(
    "directory",
    "saml_wsgi.directories",
    "Directory",
    (Call("find", ("field", "value")), Call("get", ("user_id",))),
    together=(
        Call("create", ("profile",), ("managed_by", "link")),
        Call("update", ("user", "changes")),
    ),
    known=("sql", "table"),
)
LINKS: Final = Kind(
    "Links",
    "",
    "Links",
    (
        Call("follow", ("idp", "subject")),
        Call("pin", ("idp", "subject", "user_id")),
        Call("subject_of", ("idp", "user_id")),
    ),
)


class Context(Protocol):
    """What a factory is given."""

    def key(self, option: str, /) -> str:
        """An option of this plug-in as an operator writes it; ``use`` names the plug-in itself."""


def make(kind: Kind, use: str, options: Mapping[str, Texts], context: Context) -> Any:
    """Make a plug-in, and look at its shape.

    Raises:
        ConfigurationError: It can't be loaded, doesn't take its options (each under its own key), raised
            something, or made something else.
        Unavailable: What the factory needs doesn't answer.
    """
    key = context.key("use")
    factory = _load(kind, use, key)
    _refuse_ours(kind, factory, use, key)
    given = _converted(kind, factory, use, options, context)
    try:
        made = factory(context, **given)
    except SamlWsgiError:
        raise
    except Exception as error:  # noqa: BLE001 - it is somebody else's, and may raise whatever it likes
        shown = {
            text: f"<{context.key(name)}>"
            for name, value in options.items()
            for text in ((value,) if isinstance(value, str) else value)
            if len(text) >= _SHORTEST_MASKED
        }
        what = f"{use!r} raised {_told(error, shown)}."
        raise ConfigurationError(Problem(key, what, "Correct its options, or the module.")) from None
    check_shape(kind, made, f"{use!r} made {type(made).__name__}", key)
    return made


# -- loading --


def _load(kind: Kind, use: str, key: str) -> Callable[..., Any]:
    """What ``module:attribute``, or the name of an entry point, stands for."""
    entry_points = importlib.metadata.entry_points(group=kind.group)
    if ":" not in use and use not in entry_points.names:
        names = sorted({*entry_points.names, *kind.known})
        near = difflib.get_close_matches(use, names, n=1)
        cure = f"Use {', '.join(names)} or module:attribute." if names else "Write module:attribute."
        cure = f"Did you mean {near[0]}? {cure}" if near else cure
        raise ConfigurationError(Problem(key, f"there is no {kind.noun} {use!r}.", cure))
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


def _refuse_ours(kind: Kind, factory: Callable[..., Any], use: str, key: str) -> None:
    """Our classes take something else first: made from a context, they would fail at the first sign-in."""
    if not isinstance(factory, type):
        return
    made_by = _init(factory)
    place = f"{getattr(made_by, '__module__', '')}:{getattr(made_by, '__qualname__', '')}"
    name = _MADE_OTHERWISE.get(place)
    if name is None:
        return
    cure = f"Write {key} = {name}."
    if f"{factory.__module__}:{factory.__qualname__}.__init__" != place:
        cure = (
            f"Name a function that makes it: factory(context, **options), with a {kind.noun} as its result."
        )
    raise ConfigurationError(Problem(key, f"{use!r} isn't made from a context and options.", cure))


def _init(made: type) -> Any:
    return inspect.getattr_static(made, "__init__")


# -- options --


def _converted(
    kind: Kind, factory: Callable[..., Any], use: str, given: Mapping[str, Texts], context: Context
) -> dict[str, Any]:
    """The options, each as its parameter's annotation says."""
    key = context.key("use")
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError, NameError) as error:  # a callable in C, or annotations that fail
        what = f"the parameters of {use!r} can't be read: {error}."
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
    problems = Problems()
    unknown = [name for name in given if name not in named and (further is None or name == first)]
    for name in unknown:
        problems.add(context.key(name), f"This {kind.noun} has no such option.", _meant(name, named, context))
    options: dict[str, Any] = {}
    for name, value in given.items():
        if name in unknown:
            continue
        place = Place(context.key(name), problems=problems)
        try:
            options[name] = _option(factory, named.get(name) or further, value, place)
        except Unfit as unfit:
            problems.add(place.key, unfit.reason, unfit.cure)
    for name, parameter in named.items():
        if parameter.default is parameter.empty and name not in given:
            problems.add(context.key(name), f"it is required by {use!r}.", "Write it.")
    problems.raise_if_fatal()
    try:
        signature.bind(context, **options)
    except TypeError as error:
        what = f"{use!r} can't be made from a context and options: {error}."
        raise ConfigurationError(Problem(key, what, "It is called as factory(context, **options).")) from None
    return options


def _meant(option: str, known: Mapping[str, object], context: Context) -> str:
    near = difflib.get_close_matches(option, known, n=1)
    if near:
        return f"Did you mean {context.key(near[0])}?"
    return f"It has: {', '.join(sorted(known))}." if known else "It has none."


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


def check_shape(kind: Kind, made: object, what: str, key: str) -> None:
    """Look whether an object can be called as its kind is.

    Args:
        what: The object in words, in front of a comma: ``'myapp:staff' made Staff``.

    Raises:
        ConfigurationError: It can't, or awaits to be awaited.
    """
    wanted = kind.calls
    if any(hasattr(made, call.method) for call in kind.together):
        wanted += kind.together
    cure = f"A {kind.noun} has the shape of saml_wsgi.interfaces.{kind.interface}."
    for call in wanted:
        method = getattr(made, call.method, None)
        if not callable(method):
            reason = f"{what}, which has no method {call}."
            raise ConfigurationError(Problem(key, reason, cure))
        if inspect.iscoroutinefunction(method):
            reason = f"{what}, whose {call.method} is a coroutine, which nobody awaits."
            raise ConfigurationError(Problem(key, reason, "Write def instead of async def."))
        try:
            signature = inspect.signature(method)
        except (TypeError, ValueError, NameError):
            continue  # a callable in C says nothing of its parameters
        try:
            signature.bind(*call.arguments, **dict.fromkeys(call.names))
        except TypeError as error:
            reason = f"{what}, whose {call.method} can't be called as {call}: {error}."
            raise ConfigurationError(Problem(key, reason, cure)) from None


def _told(error: BaseException, secrets: Mapping[str, str]) -> str:
    """The error and where it was raised; for each secret in its text stands what is to be shown."""
    said = str(error)
    if secrets:
        # All at once, the longest first: what is left of one that holds another would be told.
        either = "|".join(re.escape(secret) for secret in sorted(secrets, key=len, reverse=True))
        said = re.sub(either, lambda found: secrets[found.group()], said)
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if frame.filename not in _OURS and not frame.filename.startswith("<")]
    where = f" ({theirs[-1].filename}, line {theirs[-1].lineno})" if theirs else ""
    kind = type(error).__name__
    return f"{kind}: {said}{where}" if said else f"{kind}{where}"
