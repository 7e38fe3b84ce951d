"""Golden messages of a release: every request and response of the contract with every field set.

    python -m tests.proto.golden RELEASE      # once per release: writes tests/proto/golden/v1/RELEASE.{json,binpb}

The JSON file lists {message, variant, binary (base64), fields (protobuf's JSON)}; the variants of a message take the
alternatives of its oneofs in turn. The binary file is the contract's FileDescriptorSet without comments. Neither is
ever written again once the release is out.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pool, json_format, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import Message
from tests.proto.tools import load_generate, own_files

FOLDER = Path(__file__).resolve().parent / "golden" / "v1"


def variants(descriptor: Descriptor) -> int:
    """How many variants show every alternative of every oneof in a message and below it."""
    below = [variants(field.message_type) for field in descriptor.fields if field.message_type is not None]
    own = [len(oneof.fields) for oneof in descriptor.oneofs]
    # An alternative that is a message with alternatives of its own needs a turn for each of these.
    return max([1, *below, *own, *(a * b for a in own for b in below)])


def filled(descriptor: Descriptor, variant: int) -> Message:
    """A message with every field set, oneofs to their alternative number ``variant`` modulo their count."""
    message = message_factory.GetMessageClass(descriptor)()
    for field in descriptor.fields:
        oneof = field.containing_oneof
        below = variant
        if oneof is not None and len(oneof.fields) > 1:
            if oneof.fields[variant % len(oneof.fields)].number != field.number:
                continue
            below = variant // len(oneof.fields)
        _fill(message, field, below)
    return message


def _fill(message: Message, field: FieldDescriptor, variant: int) -> None:
    target = getattr(message, field.name)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        target["LeftUpLeg"] = "left_hip"
    elif field.message_type is not None and field.message_type.full_name == "google.protobuf.Any":
        target.add().type_url = "type.googleapis.com/google.protobuf.Timestamp"
    elif field.message_type is not None:
        value = filled(field.message_type, variant)
        if field.is_repeated:
            target.append(value)
        else:
            target.CopyFrom(value)
    elif field.is_repeated:
        target.extend([_scalar(field, 0), _scalar(field, 1)])
    else:
        setattr(message, field.name, _scalar(field, 0))


def _scalar(field: FieldDescriptor, offset: int) -> Any:
    """A value that is not the default, told apart by the field's number."""
    if field.enum_type is not None:
        values = field.enum_type.values
        return values[(field.number + offset) % (len(values) - 1) + 1].number
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        text = f"{field.name}-{offset}"
        return text.encode() if field.type == FieldDescriptor.TYPE_BYTES else text
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return True
    if field.cpp_type in (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE):
        return field.number + offset + 0.25
    wide = field.cpp_type in (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64)
    return field.number + offset + (2**33 if wide else 0)


def roots(descriptors: FileDescriptorSet) -> list[str]:
    """The full names of all calls' requests and responses, in a stable order."""
    names = set()
    for file in own_files(descriptors):
        for service in file.service:
            for method in service.method:
                names |= {method.input_type.lstrip("."), method.output_type.lstrip(".")}
    return sorted(names)


def record(descriptors: FileDescriptorSet) -> list[dict[str, Any]]:
    """The golden messages of a contract."""
    pool = descriptor_pool.DescriptorPool()
    for file in descriptors.file:
        pool.Add(file)
    entries: list[dict[str, Any]] = []
    for name in roots(descriptors):
        descriptor = pool.FindMessageTypeByName(name)
        for variant in range(variants(descriptor)):
            message = filled(descriptor, variant)
            fields = json_format.MessageToDict(message, preserving_proto_field_name=True, descriptor_pool=pool)
            binary = base64.b64encode(message.SerializeToString(deterministic=True)).decode()
            if not any(entry["binary"] == binary for entry in entries if entry["message"] == name):
                entries.append({"message": name, "variant": variant, "binary": binary, "fields": fields})
    return entries


def main(release: str) -> None:
    """Records a release; refuses to change one that is recorded."""
    path = FOLDER / f"{release}.json"
    if path.exists():
        raise SystemExit(f"{path} exists: a release's golden messages are never written again")
    image = FOLDER / f"{release}.binpb"
    FOLDER.mkdir(parents=True, exist_ok=True)
    load_generate().descriptor_set(image)
    descriptors = FileDescriptorSet.FromString(image.read_bytes())
    lines = ",\n".join(json.dumps(entry, sort_keys=True) for entry in record(descriptors))
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    for file in descriptors.file:
        file.ClearField("source_code_info")
    image.write_bytes(descriptors.SerializeToString(deterministic=True))


if __name__ == "__main__":
    main(sys.argv[1])
