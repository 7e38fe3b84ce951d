"""Messages that no honest client sends: bytes that are no message, messages that say nonsense, streams that misbehave.

Everything follows from a seed, so that what broke a server once can be sent to it again.
"""

from __future__ import annotations

import math
import random
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from strut_proto.v1 import (
    motion_service_pb2,
    scene_service_pb2,
    style_service_pb2,
    telemetry_service_pb2,
)

MAX_DEPTH = 5
LARGE = 20_000
"""Entries of a list that is too long, which still fits into a message."""

_FLOATS = (math.nan, math.inf, -math.inf, 0.0, -0.0, 1e-45, 3.4e38, -3.4e38, 1.0, -1.0, 0.5, 1e9)
_NAMES = (
    "",
    "walk",
    "active",
    "normal",
    "\0",
    "../../etc/passwd",
    "'; DROP TABLE styles; --",
    "x" * 100_000,
    "\u202e\U0001f480",
)

_Kind = FieldDescriptor
_FLOAT_TYPES = (_Kind.TYPE_DOUBLE, _Kind.TYPE_FLOAT)
_SIGNED = (
    _Kind.TYPE_INT64,
    _Kind.TYPE_INT32,
    _Kind.TYPE_SINT64,
    _Kind.TYPE_SINT32,
    _Kind.TYPE_SFIXED64,
    _Kind.TYPE_SFIXED32,
)
_NARROW = (
    _Kind.TYPE_INT32,
    _Kind.TYPE_SINT32,
    _Kind.TYPE_SFIXED32,
    _Kind.TYPE_UINT32,
    _Kind.TYPE_FIXED32,
    _Kind.TYPE_ENUM,
)


def methods() -> dict[str, tuple[Descriptor, bool]]:
    """Every method of the contract by its path: what it takes, and whether that is a stream."""
    found = {}
    for module in (motion_service_pb2, style_service_pb2, scene_service_pb2, telemetry_service_pb2):
        for service in module.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                found[f"/{service.full_name}/{method.name}"] = (method.input_type, method.client_streaming)
    return found


def nonsense(chance: random.Random, kind: Descriptor, depth: int = 0) -> Message:
    """A message whose fields hold what they may not: no numbers, huge numbers, long lists, unknown enumerators.

    Args:
        chance: where randomness comes from.
        kind: the message's type.
        depth: of the message inside of others.
    """
    message: Message = kind._concrete_class()  # type: ignore[attr-defined]
    for field in kind.fields:
        # Deep messages stay small; most of the fields of an outer one are there.
        if chance.random() > (0.8 if depth < 2 else 0.4) or (field.message_type is not None and depth >= MAX_DEPTH):
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            for _ in range(chance.choice((0, 1, 3, 300))):
                getattr(message, field.name)[chance.choice(_NAMES) + str(chance.random())] = chance.choice(_NAMES)
        elif field.is_repeated:
            _fill_list(chance, getattr(message, field.name), field, depth)
        elif field.message_type is not None:
            getattr(message, field.name).CopyFrom(nonsense(chance, field.message_type, depth + 1))
        else:
            setattr(message, field.name, _value(chance, field))
    return message


def _fill_list(chance: random.Random, values: Any, field: FieldDescriptor, depth: int) -> None:
    if field.message_type is not None:
        for _ in range(chance.choice((0, 1, 1, 2, 3))):
            values.add().CopyFrom(nonsense(chance, field.message_type, depth + 1))
    elif field.type in (_Kind.TYPE_STRING, _Kind.TYPE_BYTES):
        values.extend(_value(chance, field) for _ in range(chance.choice((0, 1, 12))))
    else:
        count = chance.choice((0, 1, 64, 320, LARGE if depth < 4 else 300))
        values.extend([_value(chance, field)] * count)


def _value(chance: random.Random, field: FieldDescriptor) -> Any:
    if field.type in _FLOAT_TYPES:
        return chance.choice(_FLOATS)
    if field.type == _Kind.TYPE_BOOL:
        return chance.random() < 0.5
    if field.type == _Kind.TYPE_STRING:
        return chance.choice(_NAMES)
    if field.type == _Kind.TYPE_BYTES:
        return chance.randbytes(chance.choice((0, 1, 152, 380, 8 * 380, 100_000)))
    if field.enum_type is not None and chance.random() < 0.7:
        return chance.choice(list(field.enum_type.values_by_number))
    bits = 32 if field.type in _NARROW else 64
    if field.type in _SIGNED or field.type == _Kind.TYPE_ENUM:
        return chance.choice((0, 1, -1, 7, 2 ** (bits - 1) - 1, -(2 ** (bits - 1))))
    return chance.choice((0, 1, 2, 7, 2**bits - 1, 2 ** (bits - 1)))


def broken(chance: random.Random, data: bytes) -> bytes:
    """The bytes of a message, torn, turned, doubled, or with lengths that lie."""
    content = bytearray(data[:200_000])
    kind = chance.randrange(6)
    if kind == 0:
        return chance.randbytes(chance.choice((1, 10, 1000, 50_000)))
    if kind == 1:
        return bytes(content[: chance.randrange(len(content) + 1)])
    if kind == 2:
        # A length of many gigabytes, and a field number that is none.
        return bytes(content) + chance.choice(
            (b"\x0a\xff\xff\xff\xff\x7f", b"\x00\x01", b"\xff" * 11, b"\x0b" * 50_000)
        )
    if kind == 3:
        return nested(chance.choice((50, 5_000)))
    for _ in range(chance.choice((1, 3, 30))):
        if content:
            content[chance.randrange(len(content))] = chance.randrange(256)
    return bytes(content) * (2 if kind == 4 else 1)


def nested(depth: int) -> bytes:
    """Messages within messages, all of field 1, deeper than anyone reads."""
    content = b""
    for _ in range(depth):
        length, header = len(content), bytearray()
        while length >= 0x80:
            header.append(length & 0x7F | 0x80)
            length >>= 7
        header.append(length)
        content = b"\x0a" + bytes(header) + content
    return content


def any_message(chance: random.Random, kind: Descriptor) -> bytes:
    """A message of a type, or what is left of it."""
    data = nonsense(chance, kind).SerializeToString()
    return broken(chance, data) if chance.random() < 0.4 else data
