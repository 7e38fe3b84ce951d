"""What the student makes of conditions, computed once for all characters and windows that share them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float32]

CAPACITY = 64
"""Conditions that are remembered: a quarter of a megabyte each for the shipped student."""
KEPT_ROWS = 64
"""Rows of the memory that a thread keeps for what is handed over, a quarter of a megabyte each; larger batches are rare
and take memory of their own."""
ROWS = 8
"""Conditions are computed in multiples of so many. ONNX Runtime rounds fewer than four rows otherwise, and what is
remembered must not hang on whom it was first computed for."""


class ConditionCache:
    """Runs the first half of a student (see `graphs`) for conditions that are new, and remembers the rest.

    A row of what it gives depends on that row's conditions alone. Thread-safe.

    Args:
        session: ONNX Runtime's, of the first half.
    """

    def __init__(self, session: Any) -> None:
        self._session = session
        self._inputs = [node.name for node in session.get_inputs()]
        self._outputs = [node.name for node in session.get_outputs()]
        self._stores: list[Float] = []
        self._slots: OrderedDict[bytes, int] = OrderedDict()
        self._lock = threading.Lock()
        self._own = _Buffers()

    def usable(self, inputs: Mapping[str, Float]) -> bool:
        """Whether all that the half hands over has a row for each of these conditions (B, ...), B a multiple of 8."""
        batch = len(inputs[self._inputs[0]])
        made = self._compute(inputs, range(batch))
        return all(isinstance(values, np.ndarray) and values.shape[:1] == (batch,) for values in made)

    def of(self, inputs: Mapping[str, Float]) -> dict[str, Float]:
        """What the half hands over for conditions (B, ...), by name, (B, ...) each; until the thread's next call."""
        batch = len(inputs[self._inputs[0]])
        rows = np.concatenate([inputs[name].reshape(batch, -1) for name in self._inputs], axis=1)
        keys = [row.tobytes() for row in rows]
        first: dict[bytes, int] = {}
        for row, key in enumerate(keys):
            first.setdefault(key, row)
        if len(first) > CAPACITY:
            place = {key: index for index, key in enumerate(first)}
            made = self._compute(inputs, list(first.values()))
            return self._taken(made, [place[key] for key in keys])
        with self._lock:
            new = [key for key in first if key not in self._slots]
            for key in first:
                if key in self._slots:
                    self._slots.move_to_end(key)
            if new:
                self._remember(new, self._compute(inputs, [first[key] for key in new]))
            return self._taken(self._stores, [self._slots[key] for key in keys])

    def _compute(self, inputs: Mapping[str, Float], rows: Sequence[int]) -> list[Float]:
        padded = [*rows, *[rows[0]] * (-len(rows) % ROWS)]
        made: list[Float] = self._session.run(None, {name: inputs[name][padded] for name in self._inputs})
        return made

    def _remember(self, keys: list[bytes], values: list[Float]) -> None:
        if not self._stores:
            # Touched now, so that memory does not seem to grow while they fill.
            self._stores = [np.zeros((CAPACITY, *part.shape[1:]), np.float32) for part in values]
            for store in self._stores:
                store.fill(0.0)
        slots = []
        for key in keys:
            _, slot = self._slots.popitem(last=False) if len(self._slots) == CAPACITY else (key, len(self._slots))
            self._slots[key] = slot
            slots.append(slot)
        for store, part in zip(self._stores, values, strict=True):
            store[slots] = part[: len(keys)]

    def _taken(self, values: list[Float], rows: list[int]) -> dict[str, Float]:
        buffers = self._own.of(values, len(rows))
        # Rows are in range; "clip" spares the copy that an error would need.
        for part, buffer in zip(values, buffers, strict=True):
            part.take(rows, axis=0, out=buffer, mode="clip")
        return dict(zip(self._outputs, buffers, strict=True))


class _Buffers(threading.local):
    """A thread's arrays for what is handed over: megabytes that would else be mapped anew for every batch."""

    def __init__(self) -> None:
        self._arrays: list[Float] = []

    def of(self, like: list[Float], rows: int) -> list[Float]:
        if self._arrays and len(self._arrays[0]) >= rows:
            return [array[:rows] for array in self._arrays]
        made = [np.empty((rows, *part.shape[1:]), np.float32) for part in like]
        if rows <= KEPT_ROWS:
            self._arrays = made
        return made
