"""Options of a method: its constructor's keyword-only arguments, checked before anything runs."""

import inspect
from collections.abc import Collection, Iterable, Sequence
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import AfterValidator, ConfigDict, ValidationError, create_model

from bench.config.suite import explain
from bench.records.record import BERNOULLI
from bench.runtime.errors import UsageError, nearest
from methods.backbones import BACKBONES
from methods.base import AbstractMethod, Entry, ImageSpec, Weighs, check_capabilities, registry
from methods.choices import Backbone, Chosen, Likelihood
from methods.parts import Span

LISTS = (Any, object, list, tuple, set, frozenset, Sequence, Collection, Iterable)
"""Types whose values a list may give."""
SHARED = {"backbone": Backbone, "likelihood": Likelihood}
"""Options that a suite sets for all of its rows."""


def find(name: str) -> Entry:
    """A registered method. Raises UsageError with the nearest name."""
    if name not in registry:
        raise UsageError(nearest(name, registry, "method"))
    return registry[name]


def declared(cls: type[AbstractMethod]) -> dict[str, inspect.Parameter]:
    """Keyword-only arguments of the constructor by name, and of its base's where `**` hands the others on; annotations are types."""
    found: list[dict[str, inspect.Parameter]] = []
    for base in cls.__mro__:
        if (constructor := vars(base).get("__init__")) is None:
            continue
        parameters = inspect.signature(constructor).parameters.values()
        hints = get_type_hints(constructor, include_extras=True)
        own = [p for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY]
        found.append({p.name: p.replace(annotation=hints.get(p.name, Any)) for p in own})
        if not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters):
            break
    return {name: p for options in reversed(found) for name, p in options.items()}


def spans(cls: type[AbstractMethod]) -> dict[str, Span]:
    """Where each option that can be tuned is searched, as its type declares it."""
    searched = {name: _span(p.annotation) for name, p in declared(cls).items()}
    return {name: span for name, span in searched.items() if span is not None}


def _span(hint: Any) -> Span | None:
    """The span in a type's `Annotated`, or in that of a part, as of `Annotated[float, Span(1, 9)] | None`."""
    inside = (*getattr(hint, "__metadata__", ()), *map(_span, get_args(hint)))
    return next((part for part in inside if isinstance(part, Span)), None)


def sweepable(cls: type[AbstractMethod]) -> set[str]:
    """Options whose type takes no list: one that is given for them stands for several values."""
    return {name for name, p in declared(cls).items() if not _takes_list(p.annotation)}


def _takes_list(hint: Any) -> bool:
    hint = getattr(hint, "__value__", hint)  # that of a `type` statement
    origin = get_origin(hint) or hint
    if origin in (Union, UnionType):
        return any(map(_takes_list, get_args(hint)))
    return _takes_list(get_args(hint)[0]) if origin is Annotated else origin in LISTS


def on_shared(
    label: str, entry: Entry, options: dict[str, Any], backbone: str, likelihood: str = BERNOULLI
) -> dict[str, Any]:
    """A row's options with the suite's backbone and likelihood, where its method takes the shared ones.

    Raises UsageError where the row sets one of its own, as rows on different networks would not compare methods and nats of different
    likelihoods don't compare at all; and where the method states a likelihood in nats that can't be the suite's.
    """
    takes = shared_options(entry)
    if likelihood != BERNOULLI and "likelihood" not in takes and issubclass(entry.cls, Weighs):
        raise UsageError(
            f"{label}: method {entry.name!r} has no option `likelihood`, so its pixels can't be {likelihood}: give it that option, of type "
            "Likelihood (methods.parts), or leave the row out"
        )
    for name in takes:
        if name in options:
            raise UsageError(
                f"{label}.{name}: one {name} for all rows: set `{name}` for the whole suite, or run it with --{name}"
            )
    chosen = {"backbone": backbone, "likelihood": likelihood}
    return {**options, **{name: chosen[name] for name in takes}}


def shared_options(entry: Entry) -> list[str]:
    """Those of backbone and likelihood that a method takes from the suite: it declares them with our types."""
    options = declared(entry.cls)
    return [name for name, kind in SHARED.items() if name in options and options[name].annotation == kind]


def check_backbone(name: str) -> str:
    """Raises ValueError with the nearest name unless it is a backbone's. Those of plug-ins are there once they are loaded."""
    if name not in BACKBONES:
        raise ValueError(nearest(name, BACKBONES, "backbone"))
    return name


def resolve(label: str, entry: Entry, options: dict[str, Any]) -> dict[str, Any]:
    """All options of a row with defaults filled in and types checked. Raises UsageError: unknown name, wrong type, out of range."""
    parameters = declared(entry.cls)
    for name in options:
        if name not in parameters:
            raise UsageError(f"{label}.{name}: {nearest(name, parameters, f'option of method {entry.name!r}')}")
    fields: dict[str, Any] = {}
    for name, p in parameters.items():
        named = Chosen("backbone") in getattr(p.annotation, "__metadata__", ())
        hint = Annotated[p.annotation, AfterValidator(check_backbone)] if named else p.annotation
        fields[name] = (hint, ... if p.default is inspect.Parameter.empty else p.default)
    model = create_model(f"{entry.name} options", __config__=ConfigDict(extra="forbid", strict=True), **fields)
    # Strict, so that "5" is no number and 2.5 no count; an integer still stands for a float, as in lam=3.
    try:
        return model(**options).model_dump()
    except ValidationError as problem:
        raise UsageError(f"{label}.{explain(problem, parameters)}") from problem


def build(label: str, entry: Entry, spec: ImageSpec, options: dict[str, Any]) -> AbstractMethod:
    """Construct a method and check its capabilities; a ValueError becomes a UsageError that names the row."""
    try:
        method = entry.cls(spec, **options)  # type: ignore[call-arg]  # each method has options of its own
        check_capabilities(method)
    except ValueError as problem:
        raise UsageError(f"{label}: {problem}") from problem
    return method
