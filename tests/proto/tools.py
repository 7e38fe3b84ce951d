"""What the tests of the contract share: the generation script as a module, and the contract's descriptors."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet

Comment = Callable[..., str]
"""The comment at a path of numbers in a file's source info."""

PROTO = Path(__file__).resolve().parents[2] / "proto"


def load_generate() -> ModuleType:
    """`proto/generate.py`, which is a script and in no package."""
    spec = importlib.util.spec_from_file_location("strut_generate", PROTO / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def own_files(descriptors: FileDescriptorSet) -> list[FileDescriptorProto]:
    """The files of the contract itself, without what they import from elsewhere."""
    return [file for file in descriptors.file if file.name.startswith("strut/")]


@dataclass(frozen=True)
class Element:
    """One element of the contract, for lints.

    Attributes:
        kind: file, service, rpc, message, oneof, field, enum or value.
        name: full name, such as strut.v1.Anchor.id.
        comment: the comment before it, on one line; empty where there is none.
        proto: its descriptor.
        owner: the descriptor that holds it; None for top-level elements.
    """

    kind: str
    name: str
    comment: str
    proto: object
    owner: object | None = None

    @property
    def short_name(self) -> str:
        return self.name.rsplit(".", 1)[-1]


def elements(file: FileDescriptorProto) -> Iterator[Element]:
    """All elements of a file that was compiled with its source info."""
    comments = {tuple(location.path): location.leading_comments for location in file.source_code_info.location}

    def comment(*path: int) -> str:
        return re.sub(r"\s+", " ", comments.get(path, "")).strip()

    # The numbers are the field numbers of FileDescriptorProto and its parts, as descriptor.proto documents them.
    yield Element("file", file.name, _syntax_comment(file), file)
    for index, message in enumerate(file.message_type):
        yield from _message(message, f"{file.package}.{message.name}", (4, index), comment)
    for index, enum in enumerate(file.enum_type):
        yield from _enum(enum, f"{file.package}.{enum.name}", (5, index), comment)
    for index, service in enumerate(file.service):
        name = f"{file.package}.{service.name}"
        yield Element("service", name, comment(6, index), service)
        for number, method in enumerate(service.method):
            yield Element("rpc", f"{name}.{method.name}", comment(6, index, 2, number), method, service)


def _syntax_comment(file: FileDescriptorProto) -> str:
    """The comment that opens the file stands before its syntax statement."""
    for location in file.source_code_info.location:
        if list(location.path) == [12]:
            return re.sub(r"\s+", " ", location.leading_comments).strip()
    return ""


def _message(message: DescriptorProto, name: str, path: tuple[int, ...], comment: Comment) -> Iterator[Element]:
    if message.options.map_entry:
        return
    yield Element("message", name, comment(*path), message)
    for index, field in enumerate(message.field):
        yield Element("field", f"{name}.{field.name}", comment(*path, 2, index), field, message)
    synthetic = {field.oneof_index for field in message.field if field.proto3_optional}
    for index, oneof in enumerate(message.oneof_decl):
        if index not in synthetic:
            yield Element("oneof", f"{name}.{oneof.name}", comment(*path, 8, index), oneof, message)
    for index, nested in enumerate(message.nested_type):
        yield from _message(nested, f"{name}.{nested.name}", (*path, 3, index), comment)
    for index, enum in enumerate(message.enum_type):
        yield from _enum(enum, f"{name}.{enum.name}", (*path, 4, index), comment)


def _enum(enum: EnumDescriptorProto, name: str, path: tuple[int, ...], comment: Comment) -> Iterator[Element]:
    yield Element("enum", name, comment(*path), enum)
    for index, value in enumerate(enum.value):
        yield Element("value", f"{name}.{value.name}", comment(*path, 2, index), value, enum)
