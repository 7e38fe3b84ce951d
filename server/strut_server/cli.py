"""The `strut` command: a table of subcommands, each imported only when it is called.

`strut --help` therefore works, and is quick, whatever extras are installed; a command whose extra is missing says
which one to install.
"""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from importlib import metadata

import click

DISTRIBUTION = "strut-motion"


@dataclass(frozen=True)
class LazyCommand:
    """Where a subcommand lives, and the line that `strut --help` shows without importing it."""

    module: str
    attribute: str
    summary: str


COMMANDS: dict[str, LazyCommand] = {
    "data": LazyCommand("strut_model.data.commands", "data", "Import motion capture (BVH) into a packed data set."),
    "train": LazyCommand("strut_model.training.commands", "train", "Train the encoder or the diffusion teacher."),
    "distill": LazyCommand("strut_model.training.commands", "distill", "Distil the teacher into the student."),
    "export": LazyCommand("strut_model.training.commands", "export", "Write a model bundle (ONNX and manifest)."),
    "quantise": LazyCommand("strut_model.int8_commands", "quantise", "Write a bundle whose student computes in int8."),
    "eval": LazyCommand("strut_model.evaluation.commands", "evaluate", "Measure motion quality and write a report."),
    "generate": LazyCommand("strut_model.exports.commands", "generate", "Write motion to BVH, glTF, NPZ or video."),
    "scene": LazyCommand("strut_model.scene.commands", "scene", "List scenes, and show clips in them."),
    "style": LazyCommand("strut_model.styles.commands", "style", "Find styles by words or by a clip."),
    "edit": LazyCommand("strut_model.edit.commands", "edit", "Edit a clip: tempo, amplitude, mirror, blend, words."),
    "stylize": LazyCommand("strut_model.restyle.commands", "stylize", "Restyle a clip: same motion, another style."),
    "bench": LazyCommand("strut_server.bench.commands", "bench", "Measure the speed of the model and of the server."),
    "serve": LazyCommand("strut_server.commands", "serve", "Serve motion over gRPC."),
    "token": LazyCommand("strut_server.commands", "token", "Make a token for 'strut serve --tokens'."),
    "demo": LazyCommand("strut_server.demo", "demo", "Start a server and a client; open the console."),
}

# Top-level import name of an optional third party -> the extra that installs it.
EXTRA_OF_MODULE: dict[str, str] = {
    "onnxruntime": "cpu",
    "torch": "train",
    "tensorboard": "train",
    "onnx": "train",
    "safetensors": "train",
    "matplotlib": "train",
    "opentelemetry": "tracing",
    "imageio_ffmpeg": "video",
    "smplx": "smplx",
    "ray": "cluster",
    "tokenizers": "text",
}


def missing_extra_message(command: str, module: str) -> str | None:
    """What to tell the user when importing `module` fails under `strut command`; None for a module of no extra."""
    top_level = module.split(".")[0]
    extra = EXTRA_OF_MODULE.get(top_level)
    if extra is None:
        return None
    message = f"'strut {command}' needs {top_level}, which is not installed: pip install '{DISTRIBUTION}[{extra}]'"
    if extra == "cpu":
        message += f" (or '{DISTRIBUTION}[gpu]' for CUDA, never both)"
    return message


def runtime_conflict() -> str | None:
    """The reason why ONNX Runtime cannot work as installed, or None.

    onnxruntime and onnxruntime-gpu install the same files over each other: with both, either may be broken.
    """
    installed = []
    for name in ("onnxruntime", "onnxruntime-gpu"):
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
        installed.append(name)
    if len(installed) < 2:
        return None
    return (
        "onnxruntime and onnxruntime-gpu are both installed and overwrite each other: "
        "pip uninstall both, then install one again "
        f"(pip install '{DISTRIBUTION}[cpu]' or '{DISTRIBUTION}[gpu]')"
    )


def installed_version() -> str:
    """The version of the installed distribution; 'unknown' when run from a source tree that is not installed."""
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "unknown (not installed)"


class LazyGroup(click.Group):
    """A click group that imports the module of a subcommand when that subcommand is called, and not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        try:
            command = getattr(importlib.import_module(entry.module), entry.attribute)
        except ModuleNotFoundError as error:
            raise _usable_error(cmd_name, error) from error
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry.module}:{entry.attribute} is {type(command).__name__}, not a click command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            raise _usable_error(ctx.invoked_subcommand or "", error) from error


def _usable_error(command: str, error: ModuleNotFoundError) -> Exception:
    """The error to raise instead of `error`: a plain line where an extra is missing, else the error itself."""
    message = missing_extra_message(command, error.name or "")
    return error if message is None else click.ClickException(message)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(installed_version(), prog_name="strut")
def main() -> None:
    """Stylised character motion, streamed into games.

    'strut COMMAND --help' says what a command does and takes.
    """
    conflict = runtime_conflict()
    if conflict is not None:
        click.secho(f"Warning: {conflict}", fg="yellow", err=True)


if __name__ == "__main__":
    sys.exit(main())
