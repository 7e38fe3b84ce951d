"""Which scenes can be told apart: presets as points in the space of their effects.

Distances are in units of what shows: one is the least change that `scene.expectations` expects to see of a measure. So
which of them are apart follows from the effects alone, not from what any judge or student does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from strut_model.scene.effects import Effects, effects_of
from strut_model.scene.expectations import DIFFERENCES, RATIOS
from strut_model.scene.presets import presets

Array = NDArray[np.floating]

NONE = "none"
"""Class of what is in no scene."""
LEAST_DISTANCE = 3.0
"""Presets that are apart are at least that far from each other and from no scene."""
_NARROWING, _WADING, _SWAY, _STOOP = 0.1, 0.05, 3.0, 0.02
"""What shows, of the effects that `expectations` names by other measures: shares, degrees, metres."""
_HEAD = 1.69
"""Metres, usual height of the top of the head less the headroom: ceilings count from there."""
CODE_SIZE = len(RATIOS) + len(DIFFERENCES) + 4
"""Length of `effects_code`."""


def effects_code(effects: Effects) -> Array:
    """(CODE_SIZE,) effects in units of what shows; zeros for none."""
    factors = {"step_length": effects.step_length, "cadence": effects.cadence * effects.wading}
    code = [np.log(factors[name]) / np.log1p(least) for name, least in RATIOS.items()]
    code += [getattr(effects, name) / least for name, least in DIFFERENCES.items()]
    code += [
        -np.log(effects.narrowing) / np.log1p(_NARROWING),
        -np.log(effects.wading) / np.log1p(_WADING),
        effects.sway / _SWAY,
        max(0.0, _HEAD - effects.ceiling) / _STOOP,
    ]
    return np.array(code, dtype=np.float64)


def preset_code(name: str) -> Array:
    """(CODE_SIZE,) of a preset at alpha 1; zeros for `NONE`."""
    return np.zeros(CODE_SIZE) if name == NONE else effects_code(effects_of(presets()[name].descriptor))


def scene_classes() -> list[str]:
    """What a window may be named: no scene, then the presets in alphabetical order."""
    return [NONE, *presets()]


def distances(names: Sequence[str]) -> Array:
    """(N, N) between classes."""
    codes = np.stack([preset_code(name) for name in names])
    return np.linalg.norm(codes[:, None] - codes[None], axis=-1)


def apart_presets(least: float = LEAST_DISTANCE) -> list[str]:
    """The presets that are apart, in alphabetical order.

    Those that act most come first; one that is nearer than ``least`` to no scene or to one that was taken is left out.
    """
    names = scene_classes()
    table = distances(names)
    taken = [0]
    for row in sorted(range(1, len(names)), key=lambda i: (-table[0, i], names[i])):
        if table[row, taken].min() >= least:
            taken.append(row)
    return sorted(names[row] for row in taken[1:])


def twins(least: float = LEAST_DISTANCE) -> list[tuple[str, str, float]]:
    """Pairs of classes that are nearer to each other than ``least``, the nearest first."""
    names = scene_classes()
    table = distances(names)
    pairs = [
        (names[i], names[j], float(table[i, j]))
        for i in range(len(names))
        for j in range(i + 1, len(names))
        if table[i, j] < least
    ]
    return sorted(pairs, key=lambda pair: pair[2])
