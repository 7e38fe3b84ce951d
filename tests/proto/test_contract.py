"""Lint of the contract: the rules of the API improvement proposals and of buf that the house has chosen."""

from __future__ import annotations

import re

import pytest
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
)
from tests.proto.tools import Element, elements, own_files

CAMEL = re.compile(r"([A-Z][a-z0-9]*)+")
SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
UPPER = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
NUMERIC = {
    FieldDescriptorProto.TYPE_DOUBLE,
    FieldDescriptorProto.TYPE_FLOAT,
    FieldDescriptorProto.TYPE_INT32,
    FieldDescriptorProto.TYPE_INT64,
    FieldDescriptorProto.TYPE_UINT32,
    FieldDescriptorProto.TYPE_UINT64,
    FieldDescriptorProto.TYPE_FIXED64,
    FieldDescriptorProto.TYPE_BYTES,
}
# Members whose generated C++ or C# accessors collide with those of the message class itself.
RESERVED = {"descriptor", "parser", "clone", "swap", "clear", "equals", "calculate_size", "merge_from", "get_type"}


@pytest.fixture(scope="module")
def contract(descriptors: FileDescriptorSet) -> list[Element]:
    found = [element for file in own_files(descriptors) for element in elements(file)]
    # The lint sees the contract as a whole: one of each kind at the least.
    assert {e.kind for e in found} == {"file", "service", "rpc", "message", "oneof", "field", "enum", "value"}
    return found


def of_kind(contract: list[Element], *kinds: str) -> list[Element]:
    return [element for element in contract if element.kind in kinds]


def test_every_element_has_a_comment_that_ends_in_a_full_stop(contract: list[Element]) -> None:
    assert [e.name for e in contract if not e.comment.endswith(".")] == []


def test_every_comment_but_a_files_opens_with_the_elements_name_and_a_verb(contract: list[Element]) -> None:
    # Third person: "x is the coordinate ...", which reads alike in generated stubs of any language.
    named = [e for e in contract if e.kind != "file"]
    assert [e.name for e in named if not re.match(rf"{e.short_name} [a-z]+ ", e.comment)] == []


def test_every_field_says_its_range_or_what_absence_means(contract: list[Element]) -> None:
    wrong = []
    for element in of_kind(contract, "field"):
        field = element.proto
        assert isinstance(field, FieldDescriptorProto)
        scalar = field.type != FieldDescriptorProto.TYPE_MESSAGE
        if scalar and "Range: " not in element.comment:
            wrong.append(f"{element.name}: no range")
        if not re.search(r"(Default: |Required)", element.comment):
            wrong.append(f"{element.name}: neither a default nor required")
        if field.type in NUMERIC and "Unit: " not in element.comment:
            wrong.append(f"{element.name}: no unit")
    assert wrong == []


def test_a_field_whose_default_is_absence_has_presence(contract: list[Element]) -> None:
    wrong = []
    for element in of_kind(contract, "field"):
        field = element.proto
        assert isinstance(field, FieldDescriptorProto)
        absent = "Default: absent" in element.comment
        presence = field.proto3_optional or field.HasField("oneof_index")
        if absent != presence:
            wrong.append(element.name)
    assert wrong == []


def test_enums_start_with_an_unspecified_zero_and_prefix_their_values(contract: list[Element]) -> None:
    wrong = []
    for element in of_kind(contract, "enum"):
        enum = element.proto
        assert isinstance(enum, EnumDescriptorProto)
        prefix = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", enum.name).upper()
        if (enum.value[0].name, enum.value[0].number) != (f"{prefix}_UNSPECIFIED", 0):
            wrong.append(f"{element.name}: zero is {enum.value[0].name}")
        wrong += [value.name for value in enum.value if not value.name.startswith(f"{prefix}_")]
        if len({value.number for value in enum.value}) != len(enum.value):
            wrong.append(f"{element.name}: a number is used twice")
    assert wrong == []


def test_names_have_the_case_of_their_kind(contract: list[Element]) -> None:
    styles = {
        "service": CAMEL,
        "rpc": CAMEL,
        "message": CAMEL,
        "enum": CAMEL,
        "field": SNAKE,
        "oneof": SNAKE,
        "value": UPPER,
    }
    assert [e.name for e in contract if e.kind in styles and not styles[e.kind].fullmatch(e.short_name)] == []


def test_no_member_collides_with_what_other_languages_generate(contract: list[Element]) -> None:
    wrong = []
    for element in of_kind(contract, "field", "oneof"):
        owner = element.owner
        assert isinstance(owner, DescriptorProto)
        # C# refuses a property of its class's own name; a oneof makes none by itself.
        own_name = element.kind == "field" and element.short_name.replace("_", "") == owner.name.lower()
        if element.short_name in RESERVED or own_name:
            wrong.append(element.name)
    assert wrong == []


def test_packages_follow_folders_and_files_agree_on_options(descriptors: FileDescriptorSet) -> None:
    for file in own_files(descriptors):
        folder = file.name.rsplit("/", 1)[0]
        assert file.package == folder.replace("/", ".")
        assert file.syntax == "proto3"
        assert file.options.csharp_namespace == ".".join(part.capitalize() for part in folder.split("/"))
        assert re.fullmatch(r"strut/v\d+/[a-z_]+\.proto", file.name)


def test_services_stand_in_files_of_their_name_and_calls_have_messages_of_their_own(contract: list[Element]) -> None:
    methods = of_kind(contract, "rpc")
    seen: list[str] = []
    for element in methods:
        method = element.proto
        assert isinstance(method, MethodDescriptorProto)
        assert method.input_type == f".strut.v1.{method.name}Request"
        assert method.output_type == f".strut.v1.{method.name}Response"
        seen += [method.input_type, method.output_type]
    assert len(seen) == len(set(seen))
    for element in of_kind(contract, "service"):
        assert element.short_name.endswith("Service")


def test_every_import_is_used(descriptors: FileDescriptorSet) -> None:
    def used(file: FileDescriptorProto) -> set[str]:
        types = {field.type_name for message in file.message_type for field in message.field}
        types |= {t for service in file.service for m in service.method for t in (m.input_type, m.output_type)}
        return types

    home = {f".{f.package}.{m.name}": f.name for f in descriptors.file for m in f.message_type}
    home |= {f".{f.package}.{e.name}": f.name for f in descriptors.file for e in f.enum_type}
    for file in own_files(descriptors):
        assert set(file.dependency) == {home[t] for t in used(file) if t in home} - {file.name}
