"""Messages of every release are still understood, and the contract has only grown since."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format, symbol_database, unknown_fields
from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FileDescriptorSet
from google.protobuf.message import Message
from tests.proto import golden
from tests.proto.tools import own_files

# Imported for what they register: the messages of the whole contract.
from strut_proto.v1 import (  # noqa: F401
    motion_service_pb2,
    scene_service_pb2,
    style_service_pb2,
    telemetry_service_pb2,
)

RECORDS = sorted(golden.FOLDER.glob("*.json"))
IMAGES = sorted(golden.FOLDER.glob("*.binpb"))


def entries(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text(encoding="utf-8"))


def message_class(name: str) -> type[Message]:
    return symbol_database.Default().GetSymbol(name)


def unknown(message: Message) -> list[str]:
    """Where a parsed message, or one in it, holds fields that today's contract does not know."""
    fields = unknown_fields.UnknownFieldSet(message)
    found = [f"{message.DESCRIPTOR.full_name} {fields[i].field_number}" for i in range(len(fields))]
    for field, value in message.ListFields():
        if field.message_type is not None and not field.message_type.GetOptions().map_entry:
            for part in value if field.is_repeated else [value]:
                found += unknown(part)
    return found


def test_there_are_golden_messages() -> None:
    assert RECORDS
    assert [p.stem for p in RECORDS] == [p.stem for p in IMAGES]


@pytest.mark.parametrize("path", RECORDS, ids=lambda p: p.stem)
def test_golden_messages_parse_and_serialise_identically(path: Path) -> None:
    for entry in entries(path):
        data = base64.b64decode(entry["binary"])
        message = message_class(entry["message"]).FromString(data)
        assert unknown(message) == []
        assert message.SerializeToString(deterministic=True) == data


@pytest.mark.parametrize("path", RECORDS, ids=lambda p: p.stem)
def test_golden_messages_have_the_values_that_were_recorded_by_name(path: Path) -> None:
    for entry in entries(path):
        message = message_class(entry["message"]).FromString(base64.b64decode(entry["binary"]))
        expected = json_format.ParseDict(entry["fields"], message_class(entry["message"])())
        assert message == expected


@pytest.mark.parametrize("path", IMAGES, ids=lambda p: p.stem)
def test_contract_has_only_grown_since(path: Path, descriptors: FileDescriptorSet) -> None:
    assert removed(FileDescriptorSet.FromString(path.read_bytes()), descriptors) == []


def test_newest_golden_messages_cover_the_whole_contract(descriptors: FileDescriptorSet) -> None:
    # Whoever extends the contract finds here that the release's record is behind: record it with the release.
    recorded = {entry["message"] for path in RECORDS for entry in entries(path)}
    assert set(golden.roots(descriptors)) <= recorded


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda message: message.field[0].ClearField("number"), "strut.v1.GroundPoint.x"),
        (lambda message: setattr(message.field[0], "name", "east"), "strut.v1.GroundPoint.x"),
        (lambda message: setattr(message.field[1], "type", 1), "strut.v1.GroundPoint.z"),
        (lambda message: message.field.pop(), "strut.v1.GroundPoint.z"),
        (lambda message: setattr(message, "name", "Place"), "strut.v1.GroundPoint"),
    ],
    ids=["renumbered", "renamed", "retyped", "removed", "message renamed"],
)
def test_a_breaking_change_is_noticed(change: Any, complaint: str, descriptors: FileDescriptorSet) -> None:
    broken = FileDescriptorSet()
    broken.CopyFrom(descriptors)
    file = next(f for f in broken.file if f.name == "strut/v1/geometry.proto")
    change(next(m for m in file.message_type if m.name == "GroundPoint"))
    assert complaint in removed(descriptors, broken)


def removed(old: FileDescriptorSet, new: FileDescriptorSet) -> list[str]:
    """Names what is in the old contract and not, or not in the same form, in the new one."""
    known = signatures(new)
    return [name for name, form in signatures(old).items() if known.get(name) != form]


def signatures(descriptors: FileDescriptorSet) -> dict[str, tuple[Any, ...]]:
    """What must not change about each element, by its full name."""
    found: dict[str, tuple[Any, ...]] = {}

    def message(proto: DescriptorProto, name: str) -> None:
        found[name] = ("message",)
        for field in proto.field:
            oneof = proto.oneof_decl[field.oneof_index].name if field.HasField("oneof_index") else ""
            found[f"{name}.{field.name}"] = (field.number, field.type, field.label, field.type_name, oneof)
        for nested in proto.nested_type:
            message(nested, f"{name}.{nested.name}")
        for nested_enum in proto.enum_type:
            enum(nested_enum, f"{name}.{nested_enum.name}")

    def enum(proto: EnumDescriptorProto, name: str) -> None:
        found[name] = ("enum",)
        for value in proto.value:
            found[f"{name}.{value.name}"] = (value.number,)

    for file in own_files(descriptors):
        for top in file.message_type:
            message(top, f"{file.package}.{top.name}")
        for top_enum in file.enum_type:
            enum(top_enum, f"{file.package}.{top_enum.name}")
        for service in file.service:
            for method in service.method:
                found[f"{file.package}.{service.name}.{method.name}"] = (
                    method.input_type,
                    method.output_type,
                    method.client_streaming,
                    method.server_streaming,
                )
    return found
