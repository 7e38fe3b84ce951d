"""Counter-based noise: every number is a function of (seed, start frame, step, position), never of the batch.

A streaming server puts the same request into batches of different sizes and onto different machines. A
generator with a state (NumPy's ``Generator``) would give it other noise each time. Here each element hashes its own
counter with SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014) and two
uniform halves of the hash become two normal numbers (Box and Muller, 1958).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

_GOLDEN = 0x9E3779B97F4A7C15  # SplitMix64's increment: 2^64 divided by the golden ratio, odd
_STEP = 0xD1342543DE82EF95  # another odd multiplier, so that steps and frames do not share counters
_MASK = 0xFFFFFFFF
_TWO_PI_PER_UNIT = np.float32(2.0 * np.pi / 2.0**32)
_UNIT = np.float32(2.0**-32)


def splitmix64(counter: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """SplitMix64's output function, element by element.

    Args:
        counter: any shape, uint64.

    Returns:
        The hash, same shape; 64 well-mixed bits for every counter.
    """
    mixed = counter ^ (counter >> np.uint64(30))
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


@lru_cache(maxsize=8)
def _offsets(count: int) -> npt.NDArray[np.uint64]:
    return np.arange(1, count + 1, dtype=np.uint64) * np.uint64(_GOLDEN)


def noise(
    seed: npt.NDArray[np.uint64],
    start_frame: npt.NDArray[np.int64],
    steps: int,
    frames: int,
    features: int,
) -> npt.NDArray[np.float32]:
    """Standard normal noise for the sampler.

    Args:
        seed: (B,) uint64, the seed of each request.
        start_frame: (B,) int64, first frame of the window on the character's own timeline, so that successive
            windows of one seed differ.
        steps: number of sampler steps S; the noise of step ``s`` does not depend on S.
        frames: frames of a window.
        features: features of a frame.

    Returns:
        (B, S, frames, features) float32; row ``b`` depends on ``seed[b]`` and ``start_frame[b]`` alone.
    """
    size = frames * features
    pairs = (size + 1) // 2
    frame_key = np.asarray(start_frame, np.int64).astype(np.uint64) * np.uint64(_STEP)
    key = splitmix64(np.asarray(seed, np.uint64) + np.uint64(_GOLDEN))
    key = splitmix64(key ^ splitmix64(frame_key + np.uint64(_STEP)))  # (B,)
    step_key = splitmix64(key[:, None] + np.arange(1, steps + 1, dtype=np.uint64) * np.uint64(_STEP))  # (B, S)
    bits = splitmix64(step_key[..., None] + _offsets(pairs))  # (B, S, pairs)

    # 2 log(u) with u in (0, 1]: the half bit keeps the logarithm finite at zero.
    radius = (bits >> np.uint64(32)).astype(np.float32)
    radius += np.float32(0.5)
    radius *= _UNIT
    np.minimum(radius, np.float32(1.0), out=radius)
    np.log(radius, out=radius)
    radius *= np.float32(-2.0)
    np.sqrt(radius, out=radius)
    angle = (bits & np.uint64(_MASK)).astype(np.float32)
    angle *= _TWO_PI_PER_UNIT

    normal = np.empty((*bits.shape[:2], 2 * pairs), np.float32)
    np.multiply(radius, np.cos(angle), out=normal[..., :pairs])
    np.multiply(radius, np.sin(angle), out=normal[..., pairs:])
    return normal[..., :size].reshape(*bits.shape[:2], frames, features)
