"""Configuration: frozen dataclasses that load from YAML and refuse keys that they do not know."""

from __future__ import annotations

import dataclasses
import difflib
import typing
from pathlib import Path
from typing import Any, TypeVar

import yaml

T = TypeVar("T")


class ConfigError(ValueError):
    """A configuration that names an unknown key or a value of the wrong kind."""


def from_mapping(cls: type[T], values: dict[str, Any], path: str = "") -> T:
    """A dataclass from a mapping, nested dataclasses included.

    Raises:
        ConfigError: an unknown key or a value of the wrong type, named with its path.
    """
    hints = typing.get_type_hints(cls)
    known = {f.name for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    if not isinstance(values, dict):
        raise ConfigError(f"{path or 'configuration'}: expected a mapping, got {type(values).__name__}")
    arguments: dict[str, Any] = {}
    for key, value in values.items():
        where = f"{path}.{key}" if path else str(key)
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else f"; known keys: {', '.join(sorted(known))}"
            raise ConfigError(f"{where}: unknown key{hint}")
        arguments[key] = _value(hints[key], value, where)
    return cls(**arguments)


def _value(kind: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(kind):
        return from_mapping(kind, value, where)  # type: ignore[arg-type]
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    origin = typing.get_origin(kind)
    if origin is tuple:
        item = typing.get_args(kind)[0]
        if not isinstance(value, (list, tuple)):
            raise ConfigError(f"{where}: expected a list, got {value!r}")
        return tuple(_value(item, v, f"{where}[{i}]") for i, v in enumerate(value))
    if isinstance(kind, type) and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
        raise ConfigError(f"{where}: expected {kind.__name__}, got {value!r}")
    return value


def load(cls: type[T], file: Path | None, overrides: dict[str, Any] | None = None) -> T:
    """The configuration in a YAML file (defaults without one), with some top-level values replaced.

    Raises:
        ConfigError: the file is not YAML, or as ``from_mapping``.
    """
    values: dict[str, Any] = {}
    if file is not None:
        try:
            values = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        except yaml.YAMLError as error:
            raise ConfigError(f"{file}: not valid YAML: {error}") from error
        if not isinstance(values, dict):
            raise ConfigError(f"{file}: expected a mapping at the top, got {type(values).__name__}")
    values |= {k: v for k, v in (overrides or {}).items() if v is not None}
    return from_mapping(cls, values)


def to_mapping(config: Any) -> dict[str, Any]:
    """The configuration as plain values, as it is stored in a checkpoint."""
    return dataclasses.asdict(config)
