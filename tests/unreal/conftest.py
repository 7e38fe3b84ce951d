"""Fixtures of the C++ core's tests: its programs, as CMake has built them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

CORE = Path(__file__).resolve().parent.parent.parent / "unreal_client" / "core"


@pytest.fixture(scope="session")
def strut_load() -> Path:
    """The load client: in STRUT_UNREAL_BUILD, or in the folder of the preset `default` or `develop`."""
    folders = [CORE / "build" / "default", CORE / "build" / "develop"]
    if "STRUT_UNREAL_BUILD" in os.environ:
        folders = [Path(os.environ["STRUT_UNREAL_BUILD"])]
    for folder in folders:
        if (folder / "strut_load").is_file():
            return folder / "strut_load"
    pytest.skip(f"strut_load is not built: cmake --preset default, cmake --build --preset default in {CORE}")
