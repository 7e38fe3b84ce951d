"""Making styles of uploaded clips: the upload, the process that reads it, and the operation that tells of it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import IO, Any

import numpy as np

from strut_model.skeleton import PARTS
from strut_proto.v1 import operation_pb2
from strut_server import errors
from strut_server.errors import RequestError, quoted
from strut_server.reference_worker import Specification
from strut_server.storage.database import StorageError
from strut_server.storage.store import Store
from strut_server.storage.styles import NewStyle, StyleExistsError, TooManyStylesError
from strut_server.windows import incident

MAX_JOBS = 8
"""Uploads and clips that wait or are worked on at a time."""
AT_ONCE = 1
"""Processes that read clips at a time: motion comes first."""
WORKER_SECONDS = 600.0
"""Longest life of such a process, by the clock on the wall."""
LOOK_SECONDS = 0.5
"""How often a running job looks whether it was cancelled, perhaps on another server."""

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Upload:
    """Files on their way: their bytes in one nameless temporary file. The client's names are labels, never paths.

    Attributes:
        limit: most bytes of all files.
        sizes: bytes that have come of each file.
    """

    limit: int
    sizes: list[int] = field(default_factory=list)
    content: IO[bytes] = field(default_factory=tempfile.TemporaryFile)

    def write(self, data: bytes) -> None:
        """Add to the last file; blocks."""
        self.sizes[-1] += len(data)
        self.content.write(data)

    def close(self) -> None:
        """Forget the files."""
        self.content.close()


class StyleMaker:
    """Makes styles of clips, one after another, beside the motion. Used on the event loop.

    Args:
        store: where operations and styles go.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._jobs: dict[str, asyncio.Task[None]] = {}
        self._uploads = 0
        self._turn = asyncio.Semaphore(AT_ONCE)

    def open_upload(self, limit: int) -> Upload:
        """A place for files; it must be given to `start` or to `drop`.

        Raises:
            RequestError: RESOURCE_EXHAUSTED when there are as many as may be.
        """
        if self._uploads + len(self._jobs) >= MAX_JOBS:
            raise errors.limit_reached("TOO_MANY_UPLOADS", f"{MAX_JOBS} styles are being made already", 5.0)
        self._uploads += 1
        return Upload(limit)

    def drop(self, upload: Upload) -> None:
        """Forget an upload that came to nothing."""
        self._uploads -= 1
        upload.close()

    async def start(
        self, style: NewStyle, encoder: str, names: Sequence[str], joints: Mapping[str, str], upload: Upload
    ) -> operation_pb2.Operation:
        """Begin to make a style of a complete upload; its vector is yet to come.

        Raises:
            StorageError: the database does not answer.
        """
        operation = await asyncio.to_thread(self._store.operations.create, "waiting for its turn")
        specification = Specification(encoder, list(names), upload.sizes, dict(joints))
        self._uploads -= 1
        job = asyncio.create_task(self._run(operation.id, style, specification, upload))
        self._jobs[operation.id] = job
        self._store.working_on = set(self._jobs)
        return operation

    async def preview(self, encoder: str, name: str, joints: Mapping[str, str], upload: Upload) -> dict[str, Any]:
        """What a complete upload of one clip shows; the upload is still to be dropped. Cancelling stops the work.

        Raises:
            RequestError: the file cannot be read.
        """
        specification = Specification(encoder, [name], upload.sizes, dict(joints), preview=True)
        async with self._turn:
            answer = await self._work(None, specification, upload)
        assert answer is not None
        return answer

    async def close(self) -> None:
        """End all jobs; their operations say that the server stopped."""
        for job in list(self._jobs.values()):
            job.cancel()
        await asyncio.gather(*self._jobs.values(), return_exceptions=True)

    async def _run(self, identity: str, style: NewStyle, specification: Specification, upload: Upload) -> None:
        try:
            await self._make(identity, style, specification, upload)
        except RequestError as error:
            await self._fail(identity, error)
        except asyncio.CancelledError:
            await self._fail(identity, errors.unavailable("the server stopped before it was done"))
        except StorageError as error:
            # The operation cannot be told of it; another server will find it without a sign of life.
            log.error("an operation is lost: %s", error)
        except Exception as fault:
            await self._fail(identity, incident("making a style failed", fault))
        finally:
            upload.close()
            del self._jobs[identity]
            self._store.working_on = set(self._jobs)

    async def _make(self, identity: str, style: NewStyle, specification: Specification, upload: Upload) -> None:
        operations = self._store.operations
        async with self._turn:
            if await asyncio.to_thread(operations.cancelled, {identity}):
                return
            await asyncio.to_thread(operations.report, identity, 0.1, f"reading {len(specification.names)} file(s)")
            answer = await self._work(identity, specification, upload)
        if answer is None:
            return
        vector = np.array(answer["vector"], np.float32).reshape(PARTS, -1)
        made = replace(style, vector=vector)
        try:
            await asyncio.to_thread(
                operations.succeed, identity, made.name, lambda connection: self._store.styles.add(connection, made)
            )
        except (StyleExistsError, TooManyStylesError) as error:
            raise storing_error(error, made) from error
        await asyncio.to_thread(self._store.styles.refresh)

    async def _work(self, identity: str | None, specification: Specification, upload: Upload) -> dict[str, Any] | None:
        """What the worker makes of the files; None where the operation was cancelled.

        Args:
            identity: of the operation; None for work that is none.
            specification: of the work.
            upload: the files.

        Raises:
            RequestError: the files cannot be read.
        """
        await asyncio.to_thread(upload.content.seek, 0)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "strut_server.reference_worker",
            specification.to_json(),
            stdin=upload.content,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment(),
            cwd=tempfile.gettempdir(),
        )
        reading = asyncio.create_task(process.communicate())
        ends = asyncio.get_running_loop().time() + WORKER_SECONDS
        try:
            while not (await asyncio.wait((reading,), timeout=LOOK_SECONDS))[0]:
                watched = set() if identity is None else {identity}
                if watched and await asyncio.to_thread(self._store.operations.cancelled, watched):
                    return None
                if asyncio.get_running_loop().time() > ends:
                    raise errors.unreadable_file(f"the files took longer than {WORKER_SECONDS:g} s")
            output, trouble = reading.result()
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await asyncio.gather(reading, return_exceptions=True)
        if process.returncode != 0 or not output:
            log.warning("the process that read a clip ended with %s: %s", process.returncode, trouble[-500:])
            raise errors.unreadable_file("the files took more memory or time than is allowed, or broke their reader")
        answer: dict[str, Any] = json.loads(output)
        if "error" in answer:
            raise errors.unreadable_file(answer["error"])
        return answer

    async def _fail(self, identity: str, error: RequestError) -> None:
        try:
            await asyncio.to_thread(self._store.operations.fail, identity, error.to_status())
        except StorageError as fault:
            log.error("an operation is lost: %s", fault)


def storing_error(error: StyleExistsError | TooManyStylesError, style: NewStyle) -> RequestError:
    """What a client is told about a style that could not be stored."""
    if isinstance(error, StyleExistsError):
        return errors.already_exists("STYLE_EXISTS", f"there is a style {quoted(style.name)} already")
    return errors.limit_reached("TOO_MANY_STYLES", f"{quoted(style.owner)} has as many styles as may be stored")


def _environment() -> dict[str, str]:
    """What the process needs to find Python and its libraries, and nothing that others might have put there."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH") if name in os.environ}
    libraries = os.pathsep.join(path for path in sys.path if path)
    return {**kept, "PYTHONPATH": libraries, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
