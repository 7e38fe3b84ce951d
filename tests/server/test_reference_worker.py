"""The process that reads uploaded files can do little else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from strut_server.reference_worker import Specification

ATTEMPTS = """
import json, sys, tempfile
from strut_server import reference_worker

reference_worker.MEMORY_BYTES = 1 << 30
directory = sys.argv[1]
opened = open(directory + "/before", "wb", buffering=0)
reference_worker.give_up_rights()

def attempt(action):
    try:
        action()
    except (OSError, MemoryError) as error:
        return type(error).__name__
    return "done"

print(json.dumps({
    "memory": attempt(lambda: bytearray(2 << 30)),
    "write": attempt(lambda: opened.write(b"x")),
    "files": attempt(lambda: [open("/dev/null") for _ in range(100)]),
    "little": attempt(lambda: bytearray(1 << 20)),
}))
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limits")
def test_memory_files_and_writing_are_limited(tmp_path: Path) -> None:
    # Whoever writes beyond the limit gets a signal, which Python ignores from the start.
    done = subprocess.run([sys.executable, "-c", ATTEMPTS, str(tmp_path)], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {
        "memory": "MemoryError",
        "write": "OSError",
        "files": "OSError",
        "little": "done",
    }
    assert (tmp_path / "before").stat().st_size == 0


def test_names_are_never_opened_as_files(tmp_path: Path) -> None:
    """A file's name is a label: a client that calls its file like one of the server's gets nothing of it."""
    secret = tmp_path / "secret.bvh"
    secret.write_text("HIERARCHY secret")
    specification = Specification(encoder="nowhere", names=[str(secret)], sizes=[7], joints={})
    done = subprocess.run(
        [sys.executable, "-m", "strut_server.reference_worker", specification.to_json()],
        input="rubbish",
        capture_output=True,
        text=True,
        check=True,
    )
    error = json.loads(done.stdout)["error"]
    assert "rubbish" in error
    assert "HIERARCHY secret" not in error
