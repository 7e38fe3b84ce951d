"""Closed-loop rollouts: windows generated one after another, each the history of the next, for many characters.

They go through the same :class:`~strut_model.streaming.generator.MotionGenerator` as a server's windows, so that what
is evaluated is what is served.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from strut_model.features import HISTORY, WINDOW
from strut_model.motion import Motion
from strut_model.scene.encoding import SceneEncoder
from strut_model.skeleton import FPS
from strut_model.streaming.feet import FootLocks
from strut_model.streaming.generator import MotionGenerator, WindowRequests
from strut_model.streaming.ground import Grounds
from strut_model.streaming.scenery import Scenery, SceneStates, conditions

Float = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]

MIN_ADVANCE = 4
"""Frames of a window that are played at least before the next is planned."""


def rollout(
    generator: MotionGenerator,
    history: Motion,
    path: npt.NDArray[np.floating],
    facing: npt.NDArray[np.floating],
    style: npt.NDArray[np.floating],
    content: npt.NDArray[np.floating],
    phase: npt.NDArray[np.floating] | None = None,
    guidance: npt.NDArray[np.floating] | None = None,
    seed: int | npt.NDArray[np.integer] = 0,
    steps: int = 2,
    frames_per_window: int = WINDOW,
    history_length: npt.NDArray[np.integer] | int = HISTORY,
    position_mask: npt.NDArray[np.bool_] | None = None,
    heading_mask: npt.NDArray[np.bool_] | None = None,
    ground: Grounds | None = None,
    scenes: Sequence[Scenery | None] | Callable[[int], Sequence[Scenery | None]] | None = None,
) -> Motion:
    """T frames of motion of B characters along paths.

    Args:
        generator: makes the windows.
        history: (B, 8) frames before the first, in the space of the paths.
        path: (B, T, 2) metres, the asked root place of each frame.
        facing: (B, T) radians, the asked root heading.
        style: (B, 5, S), or (B, T, 5, S) where the style changes on the way (a window takes its first frame's).
        content: (B, C), or (B, T, C) likewise.
        phase: (B, 3) a gesture's phase at the first frame, its advance a frame and 1; it goes on, and stops at 1. Or
            (B, T, 3), taken at each window's first frame. None for no phase.
        guidance: (B, 2) style and content weight; the bundle's defaults when None.
        seed: one seed, from which each character gets its own, or (B,) seeds.
        steps: network evaluations a window.
        frames_per_window: frames played of each window before the next one is planned, 4 to 16.
        history_length: real frames at the end of ``history``.
        position_mask, heading_mask: (B, T) where place and facing are asked; everywhere when None.
        ground: what the characters walk on, in the space of the paths, ceilings included; level when None. Low scenes
            make who has none stoop.
        scenes: (B,) the scenes that they are in, None for none, or a function of a window's first frame that says them.
            They are there from the first frame on, with feet at the surface that sink in. The paths stay as they are.

    Returns:
        (B, T) frames; the history is not among them.

    Raises:
        ValueError: ``frames_per_window`` is out of range, or the arrays disagree in shape.
        SceneError: there are scenes, and the bundle's student knows none.
    """
    if not MIN_ADVANCE <= frames_per_window <= WINDOW:
        raise ValueError(f"frames_per_window: {frames_per_window} is out of range; allowed: {MIN_ADVANCE} to {WINDOW}")
    batch, frames = facing.shape
    if path.shape != (batch, frames, 2):
        raise ValueError(f"path: shape {path.shape} does not match facing; expected {(batch, frames, 2)}")
    if history.root_heading.shape != (batch, HISTORY):
        raise ValueError(f"history: shape {history.root_heading.shape}; expected {(batch, HISTORY)}")
    manifest = generator.bundle.manifest
    if guidance is None:
        weights = [manifest.style_guidance.default, manifest.content_guidance.default]
        guidance = np.tile(np.array(weights, np.float32), (batch, 1))
    seeds = character_seeds(seed, batch)
    everywhere = np.ones((batch, frames), bool)
    places = everywhere if position_mask is None else position_mask
    facings = everywhere if heading_mask is None else heading_mask

    parts: list[Motion] = []
    recent = history.astype(np.float32)
    locks = FootLocks.unknown(batch, sunk=0.0)
    encoder = None if scenes is None else SceneEncoder(generator.bundle)
    states = SceneStates.unknown(batch)
    length = np.broadcast_to(np.asarray(history_length, np.int64), (batch,))
    for start in range(0, frames, frames_per_window):
        ahead = np.minimum(np.arange(start, start + WINDOW), frames - 1)
        surroundings = None
        if encoder is not None and scenes is not None:
            here = scenes(start) if callable(scenes) else scenes
            surroundings = conditions(encoder, here, states, recent.root_heading[:, -1])
            states = surroundings.after(frames_per_window)
        requests = WindowRequests(
            history=recent,
            history_length=length,
            trajectory_position=path[:, ahead].astype(np.float32),
            trajectory_heading=facing[:, ahead].astype(np.float32),
            position_mask=places[:, ahead],
            heading_mask=facings[:, ahead],
            content=_at(content, start, 2),
            phase=_phase_at(phase, start, batch),
            style=_at(style, start, 3),
            guidance=np.asarray(guidance, np.float32),
            seed=seeds,
            start_frame=np.full(batch, start, np.int64),
            locks=locks,
            steps=steps,
            ground=ground,
            scene=None if surroundings is None else surroundings.code,
            sink=None if surroundings is None else surroundings.sink,
            bearings=None if surroundings is None else surroundings.bearings,
            low=None if surroundings is None else surroundings.low,
        )
        results = generator.generate(requests)
        played = results.motion.slice_frames(0, frames_per_window)
        locks = results.frame_locks[:, frames_per_window - 1]
        recent = Motion.concatenate((recent, played)).slice_frames(-HISTORY, None)
        length = np.minimum(length + frames_per_window, HISTORY)
        parts.append(played)
    return Motion.concatenate(parts).slice_frames(0, frames)


def character_seeds(seed: int | npt.NDArray[np.integer], batch: int) -> npt.NDArray[np.uint64]:
    """(B,) seeds: those given, or ``seed`` times 2^20 plus the character's number."""
    if isinstance(seed, (int, np.integer)):
        return (np.uint64(int(seed) % 2**44) << np.uint64(20)) + np.arange(batch, dtype=np.uint64)
    return np.asarray(seed).astype(np.uint64)


def _at(values: npt.NDArray[np.floating], frame: int, own_dimensions: int) -> Float:
    """The control at a frame: (B, ...) holds throughout, (B, T, ...) has a value per frame."""
    chosen = values[:, frame] if values.ndim == own_dimensions + 1 else values
    return np.ascontiguousarray(chosen, np.float32)


def _phase_at(phase: npt.NDArray[np.floating] | None, frame: int, batch: int) -> Float:
    if phase is None:
        return np.zeros((batch, 3), np.float32)
    if phase.ndim == 3:
        return np.ascontiguousarray(phase[:, frame], np.float32)
    now = np.array(phase, np.float32)
    now[:, 0] = np.minimum(now[:, 0] + frame * now[:, 1], 1.0)
    now[:, 1] = np.where(now[:, 0] >= 1.0, 0.0, now[:, 1])
    return now


def idle_history(generator: MotionGenerator, batch: int) -> Motion:
    """(B, 8) frames of the bundle's neutral standing, at the origin and facing +Z."""
    idle = generator.bundle.idle
    return Motion.stack([idle] * batch)


PathKind = Literal["straight", "curve", "corner", "stop", "start", "turn_on_spot", "s_curve"]
PATH_KINDS: tuple[PathKind, ...] = ("straight", "curve", "corner", "stop", "start", "turn_on_spot", "s_curve")


@dataclass(frozen=True)
class SyntheticPaths:
    """Paths that no clip walked: places (B, T, 2) metres and facings (B, T) radians, from the origin towards +Z."""

    position: Float
    heading: Float


def synthetic_path(
    kind: PathKind, frames: int, speed: float, turn: float = math.pi / 2, sigma: float = 4.0
) -> SyntheticPaths:
    """One path, (1, T).

    Args:
        kind: straight ahead; a curve of constant radius that turns by ``turn`` in 4 s; one sharp corner of ``turn``
            half way; walking and then standing; standing and then walking; turning on the spot; an S.
        frames: T.
        speed: metres a second.
        turn: radians, positive to the left (towards +X).
        sigma: frames of the Gaussian that rounds corners, starts and stops.

    Raises:
        ValueError: the kind is unknown.
    """
    time = np.arange(frames) / FPS
    moving = np.ones(frames)
    heading = np.zeros(frames)
    half = frames // 2
    if kind == "curve":
        heading = turn * time / 4.0
    elif kind == "corner":
        heading[half:] = turn
    elif kind == "stop":
        moving[half:] = 0.0
    elif kind == "start":
        moving[: frames // 4] = 0.0
    elif kind == "turn_on_spot":
        moving[:] = 0.0
        heading = turn * np.clip((time - 0.5) / 1.5, 0.0, 1.0)
    elif kind == "s_curve":
        heading = turn / 2 * np.sin(2 * math.pi * time / 6.0)
    elif kind != "straight":
        raise ValueError(f"kind: {kind!r} is unknown; allowed: {', '.join(PATH_KINDS)}")
    heading = _smoothed(heading, sigma)
    pace = _smoothed(moving * speed, sigma) / FPS
    steps = np.stack((np.sin(heading), np.cos(heading)), axis=-1) * pace[:, None]
    return SyntheticPaths(np.cumsum(steps, axis=0)[None].astype(np.float32), heading[None].astype(np.float32))


def synthetic_paths(kinds: list[PathKind], frames: int, speeds: list[float], turns: list[float]) -> SyntheticPaths:
    """Several paths of one length as a batch; ``speeds`` and ``turns`` go with ``kinds``."""
    paths = [synthetic_path(kind, frames, speed, turn) for kind, speed, turn in zip(kinds, speeds, turns, strict=True)]
    return SyntheticPaths(
        np.concatenate([path.position for path in paths]), np.concatenate([path.heading for path in paths])
    )


def _smoothed(values: npt.NDArray[np.float64], sigma: float) -> npt.NDArray[np.float64]:
    reach = int(4 * sigma)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    padded = np.pad(values, reach, mode="edge")
    return np.asarray(np.convolve(padded, kernel / kernel.sum(), mode="valid"))
