"""A process that reads uploaded files: the one place where a client's bytes meet a parser.

`python -m strut_server.reference_worker` takes a JSON specification as its argument and the files on standard input,
and prints one line of JSON. Before it reads anything it gives up what it does not need: memory, processor time, files
to write, files to open. Whatever a file does to it, the server loses one process.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

MEMORY_BYTES = 4 << 30
"""Address space; the libraries alone take about one and a half gigabytes of it."""
CPU_SECONDS = 120
OPEN_FILES = 64
NICENESS = 10


@dataclass(frozen=True)
class Specification:
    """What is to be read.

    Attributes:
        encoder: path of the bundle's encoder.
        names: the files' names, for messages.
        sizes: their lengths on standard input, bytes.
        joints: canonical joint to bone.
        preview: whether the first clip shall be shown, too.
    """

    encoder: str
    names: list[str]
    sizes: list[int]
    joints: dict[str, str]
    preview: bool = False

    def to_json(self) -> str:
        """As the worker's argument."""
        return json.dumps(asdict(self))


def give_up_rights() -> None:
    """Limit this process; where the system has no such limits (Windows), the server's time limit is what is left."""
    try:
        import resource
    except ImportError:
        return
    os.nice(NICENESS)
    for kind, limit in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        allowed = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (allowed, allowed))


def main() -> int:
    """Print the vector and what is to be shown, or what is wrong with the files."""
    specification = Specification(**json.loads(sys.argv[1]))
    # Imported before the limits, which their own files and threads would run into.
    import onnxruntime  # noqa: F401

    from strut_model.references import preview_of_clip, read_clip, style_of_clips

    give_up_rights()
    try:
        clips, maps = [], []
        for name, size in zip(specification.names, specification.sizes):
            text = sys.stdin.buffer.read(size).decode("utf-8", "replace")
            clip, bones = read_clip(text, name, specification.joints)
            clips.append(clip)
            maps.append(bones)
        vector = style_of_clips(clips, Path(specification.encoder))
        shown = {"clip": preview_of_clip(clips[0]), "bones": maps[0]} if specification.preview else {}
    except MemoryError:
        print(json.dumps({"error": f"{name}: takes more memory than is allowed"}))
        return 0
    except (ValueError, ArithmeticError, LookupError, RecursionError) as error:
        print(json.dumps({"error": str(error)[:500]}))
        return 0
    print(json.dumps({"vector": vector.ravel().tolist(), **shown}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
