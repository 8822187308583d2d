"""Flat TOML files that become frozen dataclasses: unknown keys refused, every value of its type."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["brief", "parse", "read_toml", "typed_values"]

MAX_SHOWN = 200

T = TypeVar("T", bound="DataclassInstance")

FITS = {
    "str": lambda v: isinstance(v, str),
    "bool": lambda v: isinstance(v, bool),
    "int": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "float": lambda v: isinstance(v, int | float) and not isinstance(v, bool),
    "float | str": lambda v: isinstance(v, int | float | str) and not isinstance(v, bool),
    "dict[str, object]": lambda v: isinstance(v, dict),
}


def parse(
    kind: type[T], source: str, text: str, required: Sequence[str], error: type[Exception]
) -> T:
    """Make a dataclass of a TOML text, one ``key = value`` a line.

    Args:
        kind: Its fields are ``str``, ``bool``, ``int``, ``float`` or tuples of one of them; it
            checks values itself.
        source: What the text is called in messages.
        text: The text.
        required: Keys that must be there.
        error: What is raised.

    Raises:
        error: The text is not TOML, a key is missing or unknown, or a value is of the wrong type.
    """
    values = typed_values(kind, source, read_toml(source, text, error), error)
    if missing := [key for key in required if key not in values]:
        raise error(f"{source}: {', '.join(missing)} missing; every such file must say it")
    return kind(**values)


def read_toml(source: str, text: str, error: type[Exception]) -> dict[str, Any]:
    """Read a TOML text.

    Raises:
        error: It is none.
    """
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as cause:
        raise error(f"{source}: not TOML: {cause}") from cause


def typed_values(
    kind: type[DataclassInstance],
    source: str,
    values: Mapping[str, Any],
    error: type[Exception],
) -> dict[str, Any]:
    """Return values, as TOML or JSON has them, as the types of a dataclass's fields.

    Raises:
        error: A key is unknown, or a value is of the wrong type.
    """
    known = {field.name: str(field.type) for field in fields(kind)}
    typed = {}
    for key, value in values.items():
        if key not in known:
            close = difflib.get_close_matches(key, known, 1)
            hint = f"; did you mean {close[0]}?" if close else f"; known are {', '.join(known)}"
            raise error(f"{source}: unknown key {key!r}{hint}")
        try:
            typed[key] = _typed(value, known[key])
        except (TypeError, OverflowError) as cause:
            raise error(f"{source}: got {key} = {brief(value)}, {cause}") from cause
    return typed


def _typed(value: object, kind: str) -> Any:
    """Return a TOML value as the field's type; a whole number may stand for a float."""
    element = kind.removeprefix("tuple[").removesuffix(", ...]")
    if kind.startswith("tuple"):
        if isinstance(value, list) and all(FITS[element](item) for item in value):
            return tuple(value)
        raise TypeError(f"expected a list of {element}")
    if not FITS[kind](value):
        raise TypeError(f"expected {kind}")
    if kind == "float" and isinstance(value, int):
        try:
            return float(value)
        except OverflowError as error:
            raise OverflowError("which is too large") from error
    return value


def brief(value: object) -> str:
    """Return a value as a message shows it; some are too long or nested too deeply to be shown."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        return "a value too large to be shown"
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
