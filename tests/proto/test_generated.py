"""The checked-in stubs are those of the contract, and the check would notice if they were not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from tests.proto.tools import PROTO


@pytest.fixture(scope="module")
def files(generate: ModuleType) -> dict[str, str]:
    return generate.generate()


def test_checked_in_stubs_are_current(generate: ModuleType, files: dict[str, str]) -> None:
    assert generate.stale_files(files) == []


def test_check_names_changed_missing_and_left_over_files(
    generate: ModuleType, files: dict[str, str], tmp_path: Path
) -> None:
    generate.write_files(files, tmp_path)
    assert generate.stale_files(files, tmp_path) == []
    (tmp_path / "v1" / "frames_pb2.py").write_text("changed")
    (tmp_path / "v1" / "timing_pb2.pyi").unlink()
    (tmp_path / "v1" / "former_pb2.py").write_text("")
    assert generate.stale_files(files, tmp_path) == ["v1/former_pb2.py", "v1/frames_pb2.py", "v1/timing_pb2.pyi"]
    generate.write_files(files, tmp_path)
    assert generate.stale_files(files, tmp_path) == []


def test_every_stub_has_its_types(files: dict[str, str]) -> None:
    modules = {name for name in files if name.endswith(("_pb2.py", "_pb2_grpc.py"))}
    assert modules
    assert {f"{name}i" for name in modules} <= files.keys()


def test_stubs_claim_no_top_level_name_of_the_protos(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from strut_proto.v1 import motion_service_pb2_grpc, style_service_pb2_grpc\n"
        "from strut_proto.v1 import scene_service_pb2_grpc, telemetry_service_pb2_grpc\n"
        "assert 'strut' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=PROTO, check=True)


def test_a_proto_that_does_not_compile_is_an_error(generate: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / "strut" / "v1"
    folder.mkdir(parents=True)
    (folder / "broken.proto").write_text('syntax = "proto3";\nmessage Half {\n')
    with pytest.raises(RuntimeError, match="protoc ended with"):
        generate.generate(tmp_path)
