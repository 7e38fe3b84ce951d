"""The `strut` command: what it lists, and what it says where an extra is missing."""

from __future__ import annotations

import importlib
import subprocess
import sys
import textwrap
from importlib import metadata
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from strut_server import cli


def test_help_lists_every_command_with_its_summary() -> None:
    result = CliRunner().invoke(cli.main, ["--help"])

    assert result.exit_code == 0
    for name, entry in cli.COMMANDS.items():
        assert any(line.split() == [name, *entry.summary.split()] for line in result.output.splitlines()), name


def test_version_is_that_of_the_installed_distribution() -> None:
    result = CliRunner().invoke(cli.main, ["--version"])

    assert result.output.split()[-1] == metadata.version("strut-motion")


@pytest.mark.parametrize("name", list(cli.COMMANDS))
def test_every_listed_command_loads_and_explains_itself(name: str) -> None:
    result = CliRunner().invoke(cli.main, [name, "--help"])

    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"Usage: main {name}")


def test_help_imports_no_command_and_no_heavy_library() -> None:
    modules = sorted({entry.module for entry in cli.COMMANDS.values()} | set(cli.EXTRA_OF_MODULE) | {"numpy", "grpc"})
    program = textwrap.dedent(f"""
        import sys
        from strut_server.cli import main
        main(["--help"], standalone_mode=False)
        print("IMPORTED", [name for name in {modules!r} if name in sys.modules])
    """)

    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert output.rstrip().endswith("IMPORTED []")


def test_an_unknown_command_is_a_usage_error_that_names_it() -> None:
    result = CliRunner().invoke(cli.main, ["moonwalk"])

    assert result.exit_code == 2
    assert "No such command 'moonwalk'" in result.output


@pytest.mark.parametrize(("module", "extra"), sorted(cli.EXTRA_OF_MODULE.items()))
def test_every_module_behind_an_extra_is_named_with_an_extra_that_exists(module: str, extra: str) -> None:
    assert extra in (metadata.metadata("strut-motion").get_all("Provides-Extra") or [])
    message = cli.missing_extra_message("train", f"{module}.inner")
    assert message is not None
    assert f"'strut train' needs {module}," in message
    assert f"strut-motion[{extra}]" in message


def test_a_command_whose_library_is_missing_says_which_extra_installs_it() -> None:
    # A finder ahead of the others makes torch unimportable, as it is where the extra was not installed.
    program = textwrap.dedent("""
        import sys

        class WithoutTorch:
            def find_spec(self, name, path=None, target=None):
                if name.split(".")[0] == "torch":
                    raise ModuleNotFoundError(f"No module named {name!r}", name=name)

        sys.meta_path.insert(0, WithoutTorch())
        from strut_server.cli import main
        main(["train", "teacher", "--config", "any.yaml"])
    """)

    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert result.returncode == 1
    assert "'strut train' needs torch" in result.stderr
    assert "pip install 'strut-motion[train]'" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_library_missing_only_while_the_command_runs_is_named_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def preview() -> None:
        importlib.import_module("tokenizers.of_a_library_that_is_absent")

    monkeypatch.setitem(cli.EXTRA_OF_MODULE, "tokenizers", "text")
    monkeypatch.setattr(cli.LazyGroup, "get_command", lambda self, ctx, name: preview)

    result = CliRunner().invoke(cli.main, ["generate"])

    assert result.exit_code == 1
    assert "'strut generate' needs tokenizers, which is not installed" in result.output


def test_a_missing_module_of_strut_itself_is_not_mistaken_for_a_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = cli.LazyCommand("strut_model.no_such_module", "data", "Import motion capture.")
    monkeypatch.setitem(cli.COMMANDS, "data", broken)

    result = CliRunner().invoke(cli.main, ["data"])

    assert isinstance(result.exception, ModuleNotFoundError)


def test_only_one_build_of_onnx_runtime_is_installed_here() -> None:
    assert cli.runtime_conflict() is None


def test_both_builds_of_onnx_runtime_together_are_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("onnxruntime", "onnxruntime_gpu"):
        record = tmp_path / f"{name}-1.31.1.dist-info"
        record.mkdir()
        (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: 1.31.1\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    conflict = cli.runtime_conflict()

    assert conflict is not None
    assert "onnxruntime and onnxruntime-gpu are both installed" in conflict
    assert "pip uninstall" in conflict
