"""Fixtures of the contract's tests."""

from __future__ import annotations

from types import ModuleType

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from tests.proto import tools


@pytest.fixture(scope="session")
def generate() -> ModuleType:
    """`proto/generate.py` as a module."""
    return tools.load_generate()


@pytest.fixture(scope="session")
def descriptors(generate: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> FileDescriptorSet:
    """The contract as it is compiled now, with its comments."""
    path = tmp_path_factory.mktemp("contract") / "contract.binpb"
    generate.descriptor_set(path)
    return FileDescriptorSet.FromString(path.read_bytes())
