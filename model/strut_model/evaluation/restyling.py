"""How well held-out clips are restyled: style, content, contacts, path, and what comes back.

Beside it a simple baseline: each joint's mean pose and amplitude moved to those of real clips of the other style.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from strut_model import rotations as rot
from strut_model.bundle import Bundle
from strut_model.bvh import peek_bvh
from strut_model.calibration import mean_rotation
from strut_model.clip import Clip
from strut_model.contacts import foot_contacts, stance_runs
from strut_model.data.pack import ClipInfo, Pack
from strut_model.data.split import HELD_OUT, TRAIN, Split
from strut_model.evaluation.judges import Judges, window_frames
from strut_model.evaluation.paths import body_path
from strut_model.evaluation.recognition import Verdicts, Window, cut, judge_windows
from strut_model.evaluation.windows import IDLE, JUDGED_FRAMES, content_kind, gesture_event, judged_starts
from strut_model.motion import Motion
from strut_model.restyle.fast import KEEP, RUN_UP, Asked, Sampler, mean_joint_change, restyle, stretch_of
from strut_model.restyle.recognition import ClipEncoder, Recognised
from strut_model.rigged import RiggedClip, read_rigged
from strut_model.skeleton import CONTACT_REST_HEIGHTS, FPS, JOINTS
from strut_model.streaming.controls import StyleMix, style_vector

Array = NDArray[np.floating]

CONTACT_FRAMES = 2
"""Frames by which a landing or lift may be off."""
COMPANIONS = 12
"""Files of a skeleton in which its T-pose is looked for."""
BASELINE_CLIPS = 6
"""Training clips of a style and content that the baseline takes its statistics from."""


@dataclass(frozen=True)
class Pair:
    """A held-out clip and the style that it is to get.

    Attributes:
        clip: the clip.
        info: its labels.
        style: another style of the same data set, of which there are training clips of this content.
    """

    clip: Clip
    info: ClipInfo
    style: str


@dataclass
class Rows:
    """What is collected of one way to restyle."""

    windows: list[Window] = field(default_factory=list)
    contacts: list[float] = field(default_factory=list)
    path: list[float] = field(default_factory=list)


def pairs_of(pack: Pack, split: Split, bundle: Bundle, limit: int, seed: int) -> list[Pair]:
    """Held-out clips of 60 frames or more, as evenly over styles as they come, each with another style."""
    info = {row.name: row for row in pack.clips}
    trained = {(info[s.clip].style, info[s.clip].content) for s in split.segments(TRAIN) if s.clip in info}
    rng = np.random.default_rng(seed)
    segments = [s for s in split.segments(HELD_OUT) if s.clip in info and s.frames >= JUDGED_FRAMES]
    taken: dict[str, int] = {}
    found: list[tuple[int, Pair]] = []
    for index in rng.permutation(len(segments)):
        segment = segments[index]
        row = info[segment.clip]
        if row.content == IDLE or row.style not in bundle.style_index or row.content not in bundle.content_index:
            continue
        others = sorted(
            style
            for style, content in trained
            if content == row.content and style != row.style and style in bundle.style_index
            and row.dataset == _dataset(style, info.values())
        )  # fmt: skip
        if not others:
            continue
        whole = pack.clip(segment.clip)
        clip = replace(
            whole,
            pelvis=whole.pelvis[segment.start : segment.end],
            rotations=whole.rotations[segment.start : segment.end],
            contacts=whole.contacts[segment.start : segment.end],
        )
        rank = taken[row.style] = taken.get(row.style, 0) + 1
        if rank <= max(1, limit // 4):
            found.append((rank, Pair(clip, row, others[int(rng.integers(len(others)))])))
    found.sort(key=lambda entry: entry[0])
    return [pair for _, pair in found[:limit]]


def _dataset(style: str, rows: Iterable[ClipInfo]) -> str:
    for row in rows:
        if row.style == style and row.content != IDLE:
            return row.dataset
    return ""


class Baseline:
    """Transfer of per-joint mean and amplitude.

    Args:
        pack: clips.
        split: which of them train.
    """

    def __init__(self, pack: Pack, split: Split) -> None:
        self._pack = pack
        self._segments = split.segments(TRAIN)
        self._info = {row.name: row for row in pack.clips}
        self._known: dict[tuple[str, str], tuple[Array, Array, float, float]] = {}

    def restyle(self, clip: Clip, style: str, content: str) -> Clip:
        """The clip with each joint's mean and amplitude as the style's clips of that content have them."""
        motion = clip.motion()
        mean, amplitude, height, bounce = _statistics([motion])
        wanted = self._statistics_of(style, content)
        rotations = np.empty(motion.rotations.shape)
        for joint in range(JOINTS):
            away = rot.to_axis_angle(rot.multiply(rot.inverse(mean[joint]), motion.rotations[:, joint].astype(float)))
            factor = np.clip(wanted[1][joint] / max(amplitude[joint], 1e-3), 0.2, 5.0)
            rotations[:, joint] = rot.multiply(
                np.broadcast_to(wanted[0][joint], (*away.shape[:1], 4)), rot.from_axis_angle(factor * away)
            )
        pelvis = motion.pelvis.astype(float)
        pelvis[:, 1] = wanted[2] + (pelvis[:, 1] - height) * np.clip(wanted[3] / max(bounce, 1e-3), 0.2, 5.0)
        made = replace(motion, rotations=rotations, pelvis=pelvis)
        return replace(
            clip,
            pelvis=made.world_pelvis().astype(np.float32),
            rotations=rot.normalise(made.world_rotations()).astype(np.float32),
        )

    def _statistics_of(self, style: str, content: str) -> tuple[Array, Array, float, float]:
        if (style, content) not in self._known:
            motions: list[Motion] = []
            for segment in self._segments:
                row = self._info.get(segment.clip)
                if row is not None and (row.style, row.content) == (style, content) and len(motions) < BASELINE_CLIPS:
                    motions.append(self._pack.clip(segment.clip).motion().slice_frames(segment.start, segment.end))
            self._known[style, content] = _statistics(motions)
        return self._known[style, content]


def _statistics(motions: Sequence[Motion]) -> tuple[Array, Array, float, float]:
    rotations = np.concatenate([m.rotations for m in motions]).astype(float)
    heights = np.concatenate([m.pelvis[:, 1] for m in motions])
    mean = np.stack([mean_rotation(rotations[:, joint]) for joint in range(JOINTS)])
    away = rot.to_axis_angle(rot.multiply(rot.inverse(np.broadcast_to(mean, rotations.shape)), rotations))
    return mean, np.sqrt((away**2).sum(-1).mean(0)), float(heights.mean()), float(heights.std())


def contact_hits(before: Clip, after: Clip) -> list[float]:
    """For every landing and lift of the source, 1 where the result has it within two frames."""
    found = [_events(foot_contacts(clip.positions())) for clip in (before, after)]
    return [
        float(any(same[:2] == event[:2] and abs(same[2] - event[2]) <= CONTACT_FRAMES for same in found[1]))
        for event in found[0]
    ]


def _events(contacts: Array) -> list[tuple[int, bool, int]]:
    """(foot, landed, frame) of every landing and lift."""
    out: list[tuple[int, bool, int]] = []
    on = contacts.reshape(len(contacts), 2, 2).max(axis=-1) > 0.5
    for side in range(2):
        for start, stop in stance_runs(on[:, side], 3):
            out += [(side, True, start)] if start > 0 else []
            out += [(side, False, stop)] if stop < len(contacts) else []
    return out


def measure_restyling(
    pairs: Sequence[Pair],
    bundle: Bundle,
    sampler: Sampler,
    judges: Judges,
    baseline: Baseline,
    seed: int,
    keep: float | None = None,
    progress: Callable[[], object] = lambda: None,
) -> dict[str, dict[str, float]]:
    """All figures, by way: `restyled`, `generated` (without the clip), `baseline`, `source`.

    Args:
        pairs: what is restyled.
        bundle: styles and encoder.
        sampler: generates.
        judges: of style and content.
        baseline: beside.
        seed: of the noise.
        keep: share of the source's own that is kept; the usual one when None.
        progress: called after each clip.
    """
    encoder = ClipEncoder(bundle)
    ways = {name: Rows() for name in ("restyled", "generated", "baseline", "source")}
    own: list[float] = []
    back: list[float] = []
    untouched: list[float] = []
    kept = KEEP if keep is None else keep
    for number, pair in enumerate(pairs):
        clip, content = pair.clip, pair.info.content
        shown = encoder.recognise(clip, content=content)
        vectors = [style_vector(bundle, StyleMix([(name, 1.0)])) for name in (pair.style, pair.info.style)]
        there, home = (Asked(vector, weight, seed=seed + number, keep=kept) for vector, weight in vectors)
        made = restyle(clip, shown, there, sampler)
        plain = _generated(clip, shown, there, sampler)
        simple = baseline.restyle(clip, pair.style, content)
        motions = {
            "restyled": made.motion(),
            "generated": plain,
            "baseline": simple.motion(),
            "source": clip.motion(),
        }
        event = gesture_event(window_frames(clip.motion()).local) if content_kind(content) == "gesture" else None
        for name, motion in motions.items():
            style = pair.info.style if name == "source" else pair.style
            for start in judged_starts(clip.frames, settle=0, event=event):
                window = Window(cut(motion, start), style, content, clip.name, pair.info.dataset)
                ways[name].windows.append(window)
        for name, result in (("restyled", made), ("baseline", simple)):
            ways[name].contacts += contact_hits(clip, result)
            apart = body_path(motions[name])[0] - body_path(clip.motion())[0]
            ways[name].path.append(float(np.linalg.norm(apart, axis=-1).mean()) * 100)
        own.append(mean_joint_change(restyle(clip, shown, home, sampler), clip) * 100)
        again = restyle(made, encoder.recognise(made, content=content), home, sampler)
        back.append(mean_joint_change(again, clip) * 100)
        nothing = restyle(clip, shown, replace(there, amount=0.0), sampler)
        untouched.append(float(np.array_equal(nothing.rotations, clip.rotations)))
        progress()
    figures = {name: _recognised(judge_windows(judges, rows.windows)) for name, rows in ways.items()}
    for name in ("restyled", "baseline"):
        figures[name]["contacts_within_2"] = float(np.mean(ways[name].contacts))
        figures[name]["path_error_cm"] = float(np.mean(ways[name].path))
    figures["restyled"] |= {
        "own_style_cm": float(np.mean(own)),
        "there_and_back_cm": float(np.mean(back)),
        "untouched_at_0": float(np.mean(untouched)),
    }
    return figures


def _generated(clip: Clip, shown: Recognised, asked: Asked, sampler: Sampler) -> Motion:
    stretch = stretch_of(clip.motion(), shown, -RUN_UP, clip.frames)
    return sampler.sample(stretch, shown, asked.style[None], asked)[0].slice_frames(RUN_UP, None)


def _recognised(verdicts: Verdicts) -> dict[str, float]:
    out: dict[str, float] = {"windows": float(len(verdicts.windows))}
    for name, figure in (("style", verdicts.style_accuracy()), ("content", verdicts.content_accuracy())):
        out |= {name: figure.value, f"{name}_low": figure.low, f"{name}_high": figure.high}
    for kind in ("locomotion", "gesture"):
        rows = [w for w in verdicts.windows if content_kind(w.content) == kind]
        if rows:
            part = judge_windows(verdicts.judges, rows)
            out[f"style_{kind}"] = part.style_accuracy().value
            out[f"content_{kind}"] = part.content_accuracy().value
    return out


def measure_files(
    files: Sequence[Path],
    bundle: Bundle,
    sampler: Sampler,
    styles: Sequence[str],
    seconds: float,
    progress: Callable[[], object] = lambda: None,
) -> dict[str, float]:
    """Files without labels, on their own rigs: failures, and how feet go through the ground and slide before and after.

    Args:
        files: BVH files.
        bundle: styles and encoder.
        sampler: generates.
        styles: taken in turn.
        seconds: of each file at most.
        progress: called after each file.
    """
    encoder = ClipEncoder(bundle)
    rows: list[list[float]] = []
    failed = 0
    rigs = _by_rig(files)
    for number, path in enumerate(files):
        try:
            source = read_rigged(path, companions=rigs.get(path, ()))
            frames = min(source.clip.frames, round(seconds * FPS))
            clip = source.clip
            short = replace(
                clip, pelvis=clip.pelvis[:frames], rotations=clip.rotations[:frames], contacts=clip.contacts[:frames]
            )
            style = styles[number % len(styles)]
            vector, weight = style_vector(bundle, StyleMix([(style, 1.0)]))
            asked = Asked(vector, weight, seed=zlib.crc32(path.name.encode()))
            made = restyle(short, encoder.recognise(short), asked, sampler)
            back = source.on_own_skeleton(made, np.arange(frames, dtype=np.float64))
            rows.append([*_feet(source, source.bvh, short), *_feet(source, back, short)])
        except ValueError:
            failed += 1
        progress()
    table = np.array(rows) if rows else np.full((1, 4), np.nan)
    names = ("penetration_cm_before", "slide_cm_s_before", "penetration_cm", "slide_cm_s")
    return {
        "files": float(len(files)),
        "failed": float(failed),
        **{n: float(v) for n, v in zip(names, table.mean(0))},
    }


def _by_rig(files: Sequence[Path]) -> dict[Path, list[Path]]:
    """For each file some of the same skeleton, spread over all of these; files that cannot be read are left out."""
    groups: dict[str, list[Path]] = {}
    for path in files:
        try:
            groups.setdefault(peek_bvh(path).hierarchy_hash(), []).append(path)
        except ValueError:
            continue
    return {path: group[:: max(1, len(group) // COMPANIONS)] for group in groups.values() for path in group}


def _feet(source: RiggedClip, bvh: object, clip: Clip) -> tuple[float, float]:
    """cm that heels or toes are below their rest heights, and cm/s that they slide in the clip's stances."""
    feet = source.feet(bvh)  # type: ignore[arg-type]
    at = np.minimum(np.rint(np.arange(clip.frames) * source.bvh.fps / FPS).astype(int), len(feet) - 1)
    feet = feet[at]
    below = np.maximum(CONTACT_REST_HEIGHTS - feet[..., 1], 0.0).max(axis=-1).mean() * 100
    speed = np.linalg.norm(np.diff(feet[..., [0, 2]], axis=0), axis=-1) * 100 * FPS
    standing = clip.contacts > 0.5
    both = standing[1:] & standing[:-1]
    return float(below), float(speed[both].mean()) if both.any() else 0.0


def write_report(figures: dict[str, dict[str, float]], more: dict[str, object], out: Path) -> str:
    """Writes ``restyle.json`` and ``restyle.md``; returns the latter's text."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "restyle.json").write_text(json.dumps({"figures": figures, **more}, indent=1) + "\n", encoding="utf-8")
    names = list(dict.fromkeys(name for row in figures.values() for name in row))
    lines = ["| figure | " + " | ".join(figures) + " |", "|---" * (len(figures) + 1) + "|"]
    for name in names:
        cells = [f"{row[name]:.3f}" if name in row else "" for row in figures.values()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    text = "\n".join(lines) + "\n"
    (out / "restyle.md").write_text(text, encoding="utf-8")
    return text
