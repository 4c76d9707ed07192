"""Frozen values: what a fitted or declared thing shares with every other one.

A value is a frozen dataclass. It compares by content, prints shortly, and travels as JSON with the
name of its type, so that a service loads it without the data it came from and without pickle.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import html
import json
import math
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from crmvalue.errors import InputError

FORMAT = 1
"""Version of the JSON layout; a file with a higher one is refused instead of misread."""


class Value:
    """Base of the frozen dataclasses that are saved, loaded, compared and shown."""

    _types: ClassVar[dict[str, type[Value]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        Value._types[cls.__name__] = cls

    def to_dict(self) -> dict[str, Any]:
        """Return the value as plain dicts, lists, text and numbers."""
        body = {name: _encode(getattr(self, name)) for name in _fields(type(self))}
        return {"type": type(self).__name__, "format": FORMAT, **body}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build the value that `to_dict` described.

        A field that the value got after it was saved takes its default.
        """
        if not isinstance(data, Mapping) or "type" not in data:
            raise InputError(
                f"{cls.__name__}.from_dict expects the mapping that to_dict gives, with a 'type'; "
                f"got {_short(data)}"
            )
        found = Value._types.get(str(data["type"]))
        if found is None or not (issubclass(found, cls) and dataclasses.is_dataclass(found)):
            raise InputError(
                f"expected a saved {cls.__name__}, got {data['type']!r}; "
                "load it with the class that saved it"
            )
        layout = data.get("format", FORMAT)
        if not isinstance(layout, int) or isinstance(layout, bool):
            raise InputError(
                f"the format of a saved {found.__name__} is a whole number; got {_short(layout)}"
            )
        if layout > FORMAT:
            raise InputError(
                f"this {data['type']} was saved by a newer crmvalue (layout {layout}, "
                f"known up to {FORMAT}); upgrade crmvalue to load it"
            )
        fields = _fields(found)
        given = {k: v for k, v in data.items() if k not in ("type", "format")}
        missing = sorted(name for name in fields if fields[name] and name not in given)
        extra = sorted(given.keys() - fields.keys())
        if missing or extra:
            raise InputError(
                f"a saved {found.__name__} has the fields {sorted(fields)}; "
                f"missing {missing}, not known {extra}"
            )
        try:
            return found(**{k: _decode(v) for k, v in given.items()})
        except InputError:
            raise
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise InputError(
                f"this is no saved {found.__name__} any more: {error}. Cure: take the file as it "
                "was written"
            ) from error

    def to_json(self) -> str:
        """Return the value as JSON text: the same value gives the same bytes."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Build the value from the text that `to_json` gave."""
        if not isinstance(text, str | bytes):
            raise InputError(
                f"{cls.__name__}.from_json takes the text that to_json gave; got {_short(text)} of "
                f"type {type(text).__name__}. Cure: read it from its file first"
            )
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{cls.__name__}.from_json got text that is not JSON: {error}") from (
                error
            )
        return cls.from_dict(data)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.to_json())

    def _repr_html_(self) -> str:
        return f"<code>{html.escape(repr(self))}</code>"


def _fields(cls: Any) -> dict[str, bool]:
    """The fields that make a value, and whether each has to be given."""
    missing = dataclasses.MISSING
    return {
        field.name: field.default is missing and field.default_factory is missing
        for field in dataclasses.fields(cls)
        if field.init
    }


def _encode(value: Any) -> Any:
    if isinstance(value, Value):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {"map": [[_encode(k), _encode(v)] for k, v in value.items()]}
    if isinstance(value, np.ndarray):
        return {"array": [_encode(v) for v in value.tolist()]}
    if isinstance(value, list | tuple):
        return [_encode(v) for v in value]
    if isinstance(value, np.generic):
        return _encode(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}  # JSON has no infinity
    if isinstance(value, dt.date):
        return {"date": value.isoformat()}
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"{type(value).__name__} can't be saved as JSON")


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_decode(v) for v in value)
    if not isinstance(value, dict):
        return value
    if "type" in value:
        return Value.from_dict(value)
    if "map" in value:
        return {_decode(k): _decode(v) for k, v in value["map"]}
    if "array" in value:
        array = np.array([_decode(v) for v in value["array"]])
        array.flags.writeable = False
        return array
    if "float" in value:
        return float(value["float"])
    if "date" in value:
        return dt.date.fromisoformat(value["date"])
    raise InputError(f"not a saved value: {_short(value)}")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
