"""Promises of the repository as a whole: what imports without extras, what the README says, what is never committed."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

# The parts that need the training extra at import; everything else must do without it.
TRAINING_PACKAGES = ("strut_model.nn", "strut_model.training", "strut_model.evaluation")


def test_everything_but_training_imports_with_the_base_installation_alone() -> None:
    program = textwrap.dedent(f"""
        import importlib, pkgutil, sys

        class BaseOnly:
            def find_spec(self, name, path=None, target=None):
                if name.split(".")[0] in optional:
                    raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

        from strut_server.cli import EXTRA_OF_MODULE
        optional = set(EXTRA_OF_MODULE)
        sys.meta_path.insert(0, BaseOnly())
        imported = []
        for package in ("strut_model", "strut_server", "strut_client", "strut_proto"):
            root = importlib.import_module(package)
            for module in pkgutil.walk_packages(root.__path__, package + "."):
                if not module.name.startswith({TRAINING_PACKAGES!r}) and not module.name.endswith("__main__"):
                    importlib.import_module(module.name)
                    imported.append(module.name)
        print(len(imported), "torch" in sys.modules)
    """)

    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stderr
    imported, torch_loaded = result.stdout.split()
    assert int(imported) > 20
    assert torch_loaded == "False"


def test_continuous_integration_runs_the_test_command_of_the_readme(repository: Path) -> None:
    command = "python3 tests/run.py"

    assert f"\n{command}\n" in (repository / "README.md").read_text(encoding="utf-8")
    assert command.replace("python3", '"$python"') in (repository / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "CHANGELOG.md",
        "docs/index.md",
        "model/README.md",
        "model/MODEL_CARD.md",
        "server/README.md",
        "tests/README.md",
        "unity_client/README.md",
        "unreal_client/README.md",
    ],
)
def test_every_relative_link_of_a_page_leads_to_a_file(repository: Path, page: str) -> None:
    text = (repository / page).read_text(encoding="utf-8")
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]

    broken = [link for link in links if link and not (repository / page).parent.joinpath(link).exists()]

    assert broken == []


def test_no_motion_capture_is_tracked(repository: Path) -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=repository, capture_output=True, text=True, check=True).stdout

    clips = [name for name in tracked.splitlines() if name.lower().endswith((".bvh", ".amc", ".asf", ".c3d"))]

    assert clips == []


def test_tracked_files_stay_small_enough_to_clone(repository: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=repository, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    sizes = {name: (repository / name).stat().st_size for name in tracked if (repository / name).is_file()}

    assert sum(sizes.values()) < 50 * 2**20
    assert max(sizes.values()) < 20 * 2**20


def test_the_weights_carry_terms_of_their_own(repository: Path) -> None:
    terms = (repository / "model" / "strut_model" / "bundles" / "LICENSE.md").read_text(encoding="utf-8")

    assert "CC BY-NC 4.0" in terms
    assert "Bandai Namco Research Inc." in terms
