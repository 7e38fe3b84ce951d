"""Fixtures for tests of motion, and the motion capture that some of them need."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

# A few clips of each archive say what there is to say; unpacking all of them takes longer than the tests.
_WANTED = {
    "bandai_namco": {
        "dataset-1_walk_normal_001.bvh",
        "dataset-1_walk_normal_002.bvh",
        "dataset-1_bow_active_001.bvh",
        "dataset-1_dance-short_normal_001.bvh",
        "dataset-2_run_normal_036.bvh",
        "dataset-2_raise-up-both-hands_normal_029.bvh",
        "dataset-2_walk-turn-left_normal_030.bvh",
        "dataset-2_walk-turn-left_normal_034.bvh",
    },
    "cmu": {"007_03.bvh", "002_01.bvh", "descriptions.csv"},
    "react_idle": {"010_acted.bvh"},
}


def _archive_folder(config: pytest.Config) -> Path:
    return Path(os.environ.get("STRUT_MOTION_CAPTURE") or config.rootpath.parent / "shared" / "data")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "requires_mocap: needs the archives of motion capture; collected only with them")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    folder = _archive_folder(config)
    if all((folder / f"{name}.tar.xz").is_file() for name in _WANTED):
        return
    gone = [item for item in items if item.get_closest_marker("requires_mocap")]
    items[:] = [item for item in items if not item.get_closest_marker("requires_mocap")]
    if gone:
        config.hook.pytest_deselected(items=gone)


@pytest.fixture(scope="session")
def mocap(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """A folder with some clips of every archive: bandai_namco, cmu, react_idle."""
    target = tmp_path_factory.mktemp("mocap")
    for name, wanted in _WANTED.items():
        (target / name).mkdir()
        missing = set(wanted)
        with tarfile.open(_archive_folder(pytestconfig) / f"{name}.tar.xz", "r|xz") as archive:
            for member in archive:
                base = member.name.rsplit("/", 1)[-1]
                file = archive.extractfile(member) if base in missing else None
                if file is not None:
                    (target / name / base).write_bytes(file.read())
                    missing.discard(base)
                if not missing:
                    break
    return target
