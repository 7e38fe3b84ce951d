"""The Unity package is what Unity's package manager expects; its C# is checked by tests/unity/check.py."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ASSEMBLIES = {
    "Runtime/Protocol/Strut.Protocol.asmdef": {"references": [], "noEngineReferences": True},
    "Runtime/Core/Strut.Core.asmdef": {"references": ["Strut.Protocol"], "noEngineReferences": True},
    "Runtime/Motion/Strut.Motion.asmdef": {"noEngineReferences": False},
    "Editor/Strut.Motion.Editor.asmdef": {"includePlatforms": ["Editor"]},
}


@pytest.fixture(scope="module")
def package(repository: Path) -> Path:
    return repository / "unity_client"


def load(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def test_the_manifest_has_what_the_package_manager_shows(package: Path) -> None:
    manifest = load(package / "package.json")
    assert manifest["name"] == "com.strut.motion"
    assert manifest["unity"] == "2022.3"
    assert re.fullmatch(r"\d+\.\d+\.\d+", manifest["version"])
    assert f"## [{manifest['version']}]" in (package / "CHANGELOG.md").read_text(encoding="utf-8")
    for field in ("displayName", "description", "documentationUrl", "changelogUrl", "license", "licensesUrl", "author"):
        assert manifest[field], field
    for sample in manifest["samples"]:
        assert list((package / sample["path"]).glob("*.cs")), sample["path"]


def test_every_file_has_its_meta_file(repository: Path) -> None:
    subprocess.run([sys.executable, repository / "tests" / "unity" / "package_metas.py", "--check"], check=True)


def test_identifiers_of_meta_files_differ(package: Path) -> None:
    found = [re.search(r"^guid: ([0-9a-f]{32})$", p.read_text(), re.MULTILINE) for p in package.rglob("*.meta")]
    identifiers = [match[1] for match in found if match]
    assert len(identifiers) == len(found) == len(set(identifiers)) > 50


@pytest.mark.parametrize("name", ASSEMBLIES)
def test_assemblies_are_defined_as_the_documentation_says(package: Path, name: str) -> None:
    definition = load(package / name)
    assert definition["name"] == Path(name).stem
    for field, value in ASSEMBLIES[name].items():
        assert definition[field] == value, field


def test_the_core_knows_no_engine(package: Path) -> None:
    for path in (package / "Runtime" / "Core").rglob("*.cs"):
        assert "UnityEngine" not in path.read_text(encoding="utf-8"), path.name


def test_no_message_is_read_by_reflection(package: Path) -> None:
    # Descriptors, JSON of messages and Any.Unpack need what stripping takes away.
    for path in [*(package / "Runtime").rglob("*.cs"), *(package / "Editor").rglob("*.cs")]:
        if "Generated" not in path.parts:
            assert not re.search(r"\.Descriptor\b|JsonFormatter|JsonParser|\.Unpack<", path.read_text()), path.name
