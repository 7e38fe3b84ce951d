"""BVH files: reading and writing for any skeleton, channel order and frame rate.

A BVH file holds a hierarchy (offsets and channel lists) and one line of channel values per frame. Everything here
stays in the file's own units and axes; `strut_model.retarget` brings it to metres, Y up and the canonical skeleton.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

_POSITIONS = {"xposition": 0, "yposition": 1, "zposition": 2}
_ROTATIONS = {"xrotation": "X", "yrotation": "Y", "zrotation": "Z"}
_MOTION = re.compile(r"^[ \t]*MOTION[ \t]*\r?$", re.MULTILINE)
MIN_FPS, MAX_FPS = 1.0, 1000.0


class BvhError(ValueError):
    """A file that is not a readable BVH file; the message names file, line, what was found and what was expected."""

    def __init__(self, path: str | Path, line: int, found: str, expected: str) -> None:
        self.path, self.line, self.found, self.expected = str(path), line, found, expected
        super().__init__(f"{path}, line {line}: found {found}, expected {expected}")


@dataclass
class Bvh:
    """A skeleton with its motion, as the file gives it.

    Attributes:
        names: joint names in file order (end sites are not joints).
        parents: (J,) index of each joint's parent, -1 for a root. Parents come before their children.
        offsets: (J, 3) offset to the parent, file units.
        channels: per joint, the channel names in file order, such as `Zrotation`.
        values: (T, C) channel values: file units and degrees.
        frame_time: seconds a frame.
        end_sites: per joint that has an end site, its offset, file units.
        source: where it was read from, for messages.
    """

    names: list[str]
    parents: NDArray[np.int64]
    offsets: NDArray[np.float64]
    channels: list[tuple[str, ...]]
    values: NDArray[np.float64]
    frame_time: float
    end_sites: dict[int, NDArray[np.float64]] = field(default_factory=dict)
    source: str = ""

    @property
    def frames(self) -> int:
        """Number of frames."""
        return int(self.values.shape[0])

    @property
    def fps(self) -> float:
        """Frames a second."""
        return 1.0 / self.frame_time

    def hierarchy_hash(self) -> str:
        """A name for the rig: equal for files with the same joints, parents and channels.

        Offsets are left out on purpose: a root's offset often is the take's first position, and performers of one set
        share bone axes though not bone lengths.
        """
        text = "\n".join(
            f"{n} {p} {' '.join(c)}" for n, p, c in zip(self.names, self.parents, self.channels, strict=True)
        )
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def local(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Joint transforms relative to their parents.

        A position channel replaces the offset's component of the same axis (so constant child positions equal to the
        offsets, as exporters write them, change nothing).

        Returns:
            positions (T, J, 3) in file units, rotations (T, J, 4) as quaternions (x, y, z, w).
        """
        positions = np.repeat(self.offsets[None], self.frames, axis=0)
        rotations = np.zeros((self.frames, len(self.names), 4))
        rotations[..., 3] = 1.0
        column = 0
        for joint, channels in enumerate(self.channels):
            order, angles = "", []
            for name in channels:
                key = name.lower()
                if key in _POSITIONS:
                    positions[:, joint, _POSITIONS[key]] = self.values[:, column]
                else:
                    order += _ROTATIONS[key]
                    angles.append(column)
                column += 1
            if order and self.frames:
                # Upper case: intrinsic, the channels apply left to right to a column vector's frame.
                rotations[:, joint] = Rotation.from_euler(order, self.values[:, angles], degrees=True).as_quat()
        return positions, rotations

    def forward_kinematics(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Joint transforms in the file's world.

        Returns:
            positions (T, J, 3) in file units, rotations (T, J, 4).
        """
        positions, rotations = self.local()
        return compose(self.parents, positions, rotations)

    def rest_positions(self) -> NDArray[np.float64]:
        """Joint positions (J, 3), file units, of the rest pose (all rotations zero), the root at its offset."""
        positions = self.offsets.copy()
        for joint, parent in enumerate(self.parents):
            if parent >= 0:
                positions[joint] += positions[parent]
        return positions


def compose(
    parents: NDArray[np.int64], positions: NDArray[np.float64], rotations: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Chain local transforms down a hierarchy.

    Args:
        parents: (J,), -1 for roots, parents before children.
        positions: (T, J, 3) relative to the parent.
        rotations: (T, J, 4) relative to the parent.

    Returns:
        positions (T, J, 3) and rotations (T, J, 4) in the world.
    """
    world_positions, world_rotations = positions.copy(), rotations.copy()
    if positions.shape[0] == 0:
        return world_positions, world_rotations
    for joint, parent in enumerate(parents):
        if parent < 0:
            continue
        turn = Rotation.from_quat(world_rotations[:, parent])
        world_positions[:, joint] = world_positions[:, parent] + turn.apply(positions[:, joint])
        world_rotations[:, joint] = (turn * Rotation.from_quat(rotations[:, joint])).as_quat()
    return world_positions, world_rotations


def read_bvh(path: str | Path) -> Bvh:
    """Read a BVH file.

    Args:
        path: the file.

    Raises:
        BvhError: the header is broken, a value is missing, is not a number or is not finite, or a frame is cut short.
        OSError: the file cannot be opened.
    """
    return parse_bvh(Path(path).read_text(encoding="utf-8", errors="replace"), str(path))


def peek_bvh(path: str | Path) -> Bvh:
    """Read a file's skeleton and its first frame only; the rest of the motion is not looked at.

    Raises:
        BvhError: the header or the first frame is broken.
        OSError: the file cannot be opened.
    """
    lines: list[str] = []
    after_motion = -1
    with Path(path).open(encoding="utf-8", errors="replace") as file:
        for line in file:
            lines.append(line)
            if line.strip():
                after_motion += after_motion >= 0 or line.strip().upper() == "MOTION"
            if after_motion == 3:
                break
    for index in range(len(lines) - 1, -1, -1):
        if lines[index].lstrip().lower().startswith("frames:") and after_motion == 3:
            # Only one frame follows now; the count as it stands is checked when the whole file is read.
            lines[index] = re.sub(r"\d+", "1", lines[index], count=1)
            break
    return parse_bvh("".join(lines), str(path))


def parse_bvh(text: str, source: str = "<text>") -> Bvh:
    """Parse the text of a BVH file; see `read_bvh`. `source` is the name that messages give."""
    text = text.removeprefix("\ufeff")
    motion = _MOTION.search(text)
    if motion is None:
        # A header is short: parsing it first gives the more precise message when it is broken, too.
        _Header(text.splitlines(), source)
        raise BvhError(source, len(text.splitlines()) or 1, "the end of the file", "the keyword MOTION")
    marker = motion.start()
    header = _Header(text[:marker].splitlines(), source)
    line_end = text.find("\n", marker)
    body = text[line_end + 1 :] if line_end >= 0 else ""
    first_line = text.count("\n", 0, line_end + 1) + 1 if line_end >= 0 else text.count("\n") + 2
    frames, frame_time, data_at, data_line = _motion_header(body, first_line, source)
    width = sum(len(c) for c in header.channels)
    values = _motion_values(body[data_at:], frames, width, data_line, source)
    return Bvh(
        names=header.names,
        parents=np.array(header.parents, dtype=np.int64),
        offsets=np.array(header.offsets, dtype=np.float64).reshape(-1, 3),
        channels=header.channels,
        values=values,
        frame_time=frame_time,
        end_sites=header.end_sites,
        source=source,
    )


class _Header:
    """The HIERARCHY section, parsed line by line."""

    def __init__(self, lines: Sequence[str], source: str) -> None:
        self.source = source
        self.names: list[str] = []
        self.parents: list[int] = []
        self.offsets: list[NDArray[np.float64] | None] = []
        self.channels: list[tuple[str, ...]] = []
        self.end_sites: dict[int, NDArray[np.float64]] = {}
        self._parse(lines)

    def _parse(self, lines: Sequence[str]) -> None:
        # Open blocks: (joint index, is it an end site). A block is pending between its name and its brace.
        stack: list[tuple[int, bool]] = []
        pending: tuple[int, bool] | None = None
        started = False
        number = 0
        for number, line in enumerate(lines, start=1):
            words = line.split()
            if not words:
                continue
            key = words[0].upper()
            if not started:
                if key != "HIERARCHY":
                    raise BvhError(self.source, number, repr(words[0][:40]), "the keyword HIERARCHY")
                started = True
                continue
            if pending is not None and key != "{":
                raise BvhError(self.source, number, repr(words[0][:40]), "'{'")
            if key in ("ROOT", "JOINT"):
                pending = self._joint(key, words, stack, number)
                if words[-1] == "{" and len(words) > 2:
                    stack.append(pending)
                    pending = None
            elif key == "END":
                if not stack or stack[-1][1]:
                    raise BvhError(self.source, number, "an end site outside a joint", "ROOT, JOINT or '}'")
                pending = (stack[-1][0], True)
            elif key == "{":
                if pending is None:
                    raise BvhError(self.source, number, "'{'", "ROOT, JOINT or End Site before it")
                stack.append(pending)
                pending = None
            elif key == "}":
                self._close(stack, number)
            elif key == "OFFSET":
                self._offset(words, stack, number)
            elif key == "CHANNELS":
                self._channels(words, stack, number)
            else:
                raise BvhError(
                    self.source, number, repr(words[0][:40]), "one of ROOT, JOINT, End Site, OFFSET, CHANNELS, braces"
                )
        if not started:
            raise BvhError(self.source, 1, "an empty file", "the keyword HIERARCHY")
        if stack or pending is not None:
            name = self.names[(stack[-1] if stack else pending)[0]] if self.names else ""  # type: ignore[index]
            raise BvhError(self.source, number + 1, "MOTION or the end of the file", f"'}}' that closes {name!r}")
        if not self.names:
            raise BvhError(self.source, number + 1, "no joint", "a ROOT joint")

    def _joint(self, key: str, words: list[str], stack: list[tuple[int, bool]], number: int) -> tuple[int, bool]:
        if len(words) < 2 or words[1] == "{":
            raise BvhError(self.source, number, f"{key} without a name", f"{key} and a joint name")
        if key == "JOINT" and (not stack or stack[-1][1]):
            raise BvhError(self.source, number, f"JOINT {words[1]} outside a joint", "a JOINT inside the ROOT's braces")
        if key == "ROOT" and stack:
            raise BvhError(self.source, number, f"ROOT {words[1]} inside a joint", "JOINT")
        self.names.append(" ".join(w for w in words[1:] if w != "{"))
        self.parents.append(stack[-1][0] if stack else -1)
        self.offsets.append(None)
        self.channels.append(())
        return len(self.names) - 1, False

    def _close(self, stack: list[tuple[int, bool]], number: int) -> None:
        if not stack:
            raise BvhError(self.source, number, "'}'", "no brace here: every block is closed already")
        joint, is_end = stack.pop()
        if not is_end and self.offsets[joint] is None:
            raise BvhError(self.source, number, f"joint {self.names[joint]!r} without OFFSET", "OFFSET x y z in it")

    def _offset(self, words: list[str], stack: list[tuple[int, bool]], number: int) -> None:
        if not stack:
            raise BvhError(self.source, number, "OFFSET outside a joint", "ROOT or JOINT")
        try:
            offset = np.array([float(w) for w in words[1:]])
        except ValueError:
            offset = np.empty(0)
        if offset.shape != (3,) or not np.isfinite(offset).all():
            raise BvhError(self.source, number, repr(" ".join(words)[:60]), "OFFSET and three finite numbers")
        joint, is_end = stack[-1]
        if is_end:
            self.end_sites[joint] = offset
        else:
            self.offsets[joint] = offset

    def _channels(self, words: list[str], stack: list[tuple[int, bool]], number: int) -> None:
        if not stack or stack[-1][1]:
            raise BvhError(self.source, number, "CHANNELS outside a joint", "CHANNELS in a ROOT or JOINT block")
        try:
            count = int(words[1])
        except (IndexError, ValueError):
            raise BvhError(self.source, number, repr(" ".join(words)[:60]), "CHANNELS and their count") from None
        names = tuple(words[2:])
        if len(names) != count:
            raise BvhError(self.source, number, f"{len(names)} channel names", f"{count}, as the line's count says")
        for name in names:
            if name.lower() not in _POSITIONS and name.lower() not in _ROTATIONS:
                raise BvhError(
                    self.source, number, f"channel {name[:40]!r}", "Xposition ... Zposition or Xrotation ... Zrotation"
                )
        if len({n.lower() for n in names}) != len(names):
            raise BvhError(self.source, number, repr(" ".join(words)[:80]), "each channel once")
        self.channels[stack[-1][0]] = names


def _motion_header(body: str, first_line: int, source: str) -> tuple[int, float, int, int]:
    """The `Frames:` and `Frame Time:` lines: (frames, seconds, position of the data in body, its line number)."""
    at, number = 0, first_line
    found: dict[str, float] = {}
    expected = ["Frames:", "Frame Time:"]
    while expected:
        if at >= len(body):
            raise BvhError(source, number, "the end of the file", f"{expected[0]} and a number")
        end = body.find("\n", at)
        end = len(body) if end < 0 else end
        line = body[at:end].strip()
        if line:
            key = expected.pop(0)
            name, _, value = line.partition(":")
            try:
                if name.strip().lower() != key[:-1].lower():
                    raise ValueError
                found[key] = float(value)
            except ValueError:
                raise BvhError(source, number, repr(line[:60]), f"{key} and a number") from None
        at, number = end + 1, number + 1
    frames, seconds = found["Frames:"], found["Frame Time:"]
    if frames != int(frames) or frames < 1:
        raise BvhError(source, number - 2, f"Frames: {frames:g}", "a whole number of frames, 1 or more")
    if not np.isfinite(seconds) or not 1.0 / MAX_FPS <= seconds <= 1.0 / MIN_FPS:
        raise BvhError(
            source, number - 1, f"Frame Time: {seconds:g}", f"seconds from {1 / MAX_FPS:g} to {1 / MIN_FPS:g}"
        )
    return int(frames), seconds, at, number


def _motion_values(data: str, frames: int, width: int, first_line: int, source: str) -> NDArray[np.float64]:
    """The channel values (frames, width); the fast path takes the whole text at once, errors are located after."""
    values: NDArray[np.float64] = np.empty(0)
    with warnings.catch_warnings():
        # numpy warns, and stops, at text that is no number: the count then differs, and the line is looked for below.
        warnings.simplefilter("ignore", DeprecationWarning)
        with contextlib.suppress(ValueError):
            values = np.fromstring(data, dtype=np.float64, sep=" ")
    if values.size != frames * width:
        _locate(data, frames, width, first_line, source)
    values = values.reshape(frames, width)
    if not np.isfinite(values).all():
        _locate(data, frames, width, first_line, source)
    return values


def _locate(data: str, frames: int, width: int, first_line: int, source: str) -> None:
    """Raise the BvhError that names the line at fault in frame data that does not parse as a whole."""
    seen, number = 0, first_line
    for number, line in enumerate(data.splitlines(), start=first_line):
        words = line.split()
        if not words:
            continue
        seen += 1
        if seen > frames:
            raise BvhError(source, number, f"a frame more than Frames: {frames}", f"{frames} lines of frame data")
        for column, word in enumerate(words, start=1):
            try:
                value = float(word)
            except ValueError:
                raise BvhError(source, number, f"{word[:40]!r} as value {column}", "a number") from None
            if not np.isfinite(value):
                raise BvhError(source, number, f"{word[:40]!r} as value {column}", "a finite number")
        if len(words) != width:
            cut = " (the last line: is the file cut short?)" if seen == frames or len(words) < width else ""
            raise BvhError(source, number, f"{len(words)} values{cut}", f"{width} values, one per channel")
    raise BvhError(source, number + 1, f"{seen} frames of data", f"{frames} frames, as Frames: says")


def write_bvh(path: str | Path, bvh: Bvh, precision: int = 6) -> None:
    """Write a BVH file.

    Args:
        path: the file; its folder must exist.
        bvh: skeleton and motion.
        precision: digits after the decimal point.

    Raises:
        ValueError: a value is not finite, or counts of channels and values differ.
    """
    width = sum(len(c) for c in bvh.channels)
    if bvh.values.ndim != 2 or bvh.values.shape[1] != width:
        raise ValueError(f"values: shape is {bvh.values.shape}, expected (frames, {width})")
    if not np.isfinite(bvh.values).all() or not np.isfinite(bvh.offsets).all():
        raise ValueError("values: a value is not finite, all must be finite")
    Path(path).write_text(format_bvh(bvh, precision), encoding="utf-8")


def format_bvh(bvh: Bvh, precision: int = 6) -> str:
    """The text of a BVH file; see `write_bvh`."""
    children: dict[int, list[int]] = {}
    for joint, parent in enumerate(bvh.parents):
        children.setdefault(int(parent), []).append(joint)
    lines = ["HIERARCHY"]
    order: list[int] = []

    def vector(v: NDArray[np.float64]) -> str:
        return " ".join(f"{float(x):.{precision}f}" for x in v)

    def block(joint: int, depth: int) -> None:
        order.append(joint)
        tab = "  " * depth
        lines.append(f"{tab}{'ROOT' if bvh.parents[joint] < 0 else 'JOINT'} {bvh.names[joint]}")
        lines.append(f"{tab}{{")
        lines.append(f"{tab}  OFFSET {vector(bvh.offsets[joint])}")
        if bvh.channels[joint]:
            lines.append(f"{tab}  CHANNELS {len(bvh.channels[joint])} {' '.join(bvh.channels[joint])}")
        for child in children.get(joint, []):
            block(child, depth + 1)
        if joint in bvh.end_sites or not children.get(joint):
            lines.extend(
                [
                    f"{tab}  End Site",
                    f"{tab}  {{",
                    f"{tab}    OFFSET {vector(bvh.end_sites.get(joint, np.zeros(3)))}",
                    f"{tab}  }}",
                ]
            )
        lines.append(f"{tab}}}")

    for root in children.get(-1, []):
        block(root, 0)
    # The hierarchy is written depth first; joints held in another order need their columns moved to match.
    starts = np.concatenate([[0], np.cumsum([len(c) for c in bvh.channels])]).astype(int)
    columns = np.concatenate([np.arange(starts[j], starts[j + 1]) for j in order]).astype(int)
    lines += ["MOTION", f"Frames: {bvh.frames}", f"Frame Time: {bvh.frame_time:.8f}"]
    pattern = " ".join([f"%.{precision}f"] * len(columns))
    lines.extend(pattern % tuple(row) for row in bvh.values[:, columns])
    return "\n".join(lines) + "\n"
