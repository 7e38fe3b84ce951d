"""Videos and still pictures of motion: MP4 and GIF with a following camera, strips of poses, contact sheets."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter1d

from strut_model import rotations as rot
from strut_model.exports.footprints import Footprint, footprints
from strut_model.exports.overlay import FAINT_INK, INK, Tag, draw_overlay, font
from strut_model.exports.recording import Colour, Recording, style_colours
from strut_model.exports.render import Body, Camera, Line, Patch, Scene, render, turned
from strut_model.motion import Motion
from strut_model.skeleton import FPS, JOINT_INDEX, forward_kinematics

Array = NDArray[np.floating]
Progress = Callable[[int], None]

EYE = np.array([1.6, 0.5, 3.05])
"""Metres from the character to the camera, in the character's heading frame."""
TARGET_HEIGHT = 0.83
PATH_COLOUR: Colour = (226, 122, 63)
TRACE_COLOUR: Colour = (150, 160, 176)
TRACE_FRAMES, FOOTPRINT_FRAMES = 150, 120
ASKED_AHEAD = 6.0  # metres of the asked path that are shown around the character


def follow_cameras(recordings: Sequence[Recording], distance: float = 1.0) -> list[Camera]:
    """A camera for every frame, which glides along with the characters and looks at them from the front quarter.

    Args:
        recordings: characters of equal length.
        distance: factor on the usual distance of 3.5 metres.
    """
    frames = recordings[0].frames
    place = np.mean([r.motion.root_position for r in recordings], axis=0).astype(np.float64)
    heading = np.unwrap(recordings[0].motion.root_heading.astype(np.float64))
    place = gaussian_filter1d(place, 12, axis=0, mode="nearest")
    heading = gaussian_filter1d(heading, 50, mode="nearest")
    spread = max(float(np.linalg.norm(r.motion.root_position - place, axis=-1).max()) for r in recordings)
    distance = distance * (1 + 0.28 * max(0.0, spread - 0.5)) if len(recordings) > 1 else distance
    cameras = []
    for frame in range(frames):
        target = np.array([place[frame, 0], TARGET_HEIGHT, place[frame, 1]])
        cameras.append(Camera(target + distance * turned(EYE, heading[frame]), target))
    return cameras


def render_frames(
    recordings: Sequence[Recording],
    width: int = 640,
    height: int = 360,
    fps: float = FPS,
    cameras: Sequence[Camera] | None = None,
) -> Iterator[NDArray[np.uint8]]:
    """Pictures (height, width, 3) of one or several characters of equal length on the same floor.

    Args:
        recordings: what to show; the first one's title and style are written on the picture.
        width, height: pixels.
        fps: pictures a second; motion is taken at the nearest frame.
        cameras: one for every frame of the motion; following cameras when None.
    """
    lengths = {r.frames for r in recordings}
    if len(lengths) != 1:
        raise ValueError(f"recordings: one or more of equal length expected, got lengths {sorted(lengths)}")
    frames = lengths.pop()
    cameras = follow_cameras(recordings) if cameras is None else cameras
    colours = style_colours(recordings)
    bodies = [_posed(r.motion) for r in recordings]
    prints = [footprints(r.motion) for r in recordings]
    tints = [_tints(r, colours) for r in recordings]
    lead = recordings[0]
    starts = [start for start, _ in lead.styles]
    segments = [
        (start / frames, stop / frames, colours[name])
        for (start, name), stop in zip(lead.styles, [*starts[1:], frames], strict=False)
    ]
    for index in picture_frames(frames, fps):
        marks: list[Line | Patch] = []
        for recording, stances, tint in zip(recordings, prints, tints, strict=True):
            marks += _floor_marks(recording, stances, tint[index], index)
        scene = Scene(
            [Body(p[index], o[index], tint[index]) for (p, o), tint in zip(bodies, tints, strict=True)], marks
        )
        picture = render(scene, cameras[index], width, height)
        style = lead.style_at(index)
        names = [recording.style_at(index) for recording in recordings]
        # One character has its style in the corner; several carry theirs over their heads.
        tags = _tags(scene.bodies, names, colours, cameras[index], width, height) if len(recordings) > 1 else []
        yield draw_overlay(
            picture,
            title=lead.title,
            label="" if tags else style,
            label_colour=colours.get(style, INK),
            segments=segments,
            progress=index / max(frames - 1, 1),
            tags=tags,
        )


def picture_frames(frames: int, fps: float) -> NDArray[np.int64]:
    """Frames of the motion that a film of ``fps`` pictures a second shows."""
    count = max(1, round(frames * fps / FPS))
    return np.minimum(np.round(np.arange(count) * FPS / fps).astype(np.int64), frames - 1)


def write_video(
    recordings: Sequence[Recording],
    path: str | os.PathLike[str],
    width: int = 640,
    height: int = 360,
    fps: float | None = None,
    progress: Progress | None = None,
) -> None:
    """Writes an ``.mp4`` (30 pictures a second unless said) or a ``.gif`` (15).

    Args:
        recordings: see :func:`render_frames`.
        path: file to write.
        width, height: pixels; both even for MP4.
        fps: pictures a second.
        progress: called with 1 after every picture.

    Raises:
        ValueError: another suffix, or an odd size for MP4.
        ModuleNotFoundError: imageio-ffmpeg is missing (``pip install strut-motion[video]``).
    """
    import imageio_ffmpeg  # only videos need it

    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".mp4":
        if width % 2 or height % 2:
            raise ValueError(f"width, height: MP4 needs even numbers, got {width} x {height}")
        fps = fps or FPS
        options = {
            "codec": "libx264",
            "pix_fmt_out": "yuv420p",
            "output_params": ["-crf", "20", "-preset", "medium", "-movflags", "+faststart"],
        }
    elif suffix == ".gif":
        fps = fps or 15.0
        # One palette for the whole film, without dithering noise between frames, keeps GIFs small.
        graph = (
            "split[a][b];[a]palettegen=max_colors=128:stats_mode=full[p];"
            "[b][p]paletteuse=dither=bayer:bayer_scale=4:diff_mode=rectangle"
        )
        options = {"codec": "gif", "pix_fmt_out": "pal8", "output_params": ["-filter_complex", graph, "-loop", "0"]}
    else:
        raise ValueError(f"path: {path.name} ends in {suffix!r}; allowed are .mp4 and .gif")
    writer = imageio_ffmpeg.write_frames(
        str(path), (width, height), fps=fps, quality=None, macro_block_size=1, ffmpeg_log_level="error", **options
    )
    writer.send(None)
    try:
        for picture in render_frames(recordings, width, height, fps):
            writer.send(np.ascontiguousarray(picture))
            if progress is not None:
                progress(1)
    finally:
        writer.close()


# --- still pictures ------------------------------------------------------------------------------------------


def strip(
    recording: Recording,
    poses: int = 8,
    width: int = 1280,
    height: int = 300,
    first: int = 0,
    last: int | None = None,
    margin: int = 0,
    colours: dict[str, Colour] | None = None,
) -> NDArray[np.uint8]:
    """Poses over time in one row (height, width, 3), each turned to the same three-quarter view, with its time.

    Args:
        recording: the motion.
        poses: how many poses, evenly spaced in time.
        width, height: pixels.
        first, last: frames [first, last) to take them from.
        margin: pixels kept free at the left.
        colours: colour of each style; given in order of appearance when None.
    """
    last = recording.frames if last is None else last
    if not 0 <= first < last <= recording.frames:
        raise ValueError(f"first, last: 0 <= first < last <= {recording.frames} expected, got {first}, {last}")
    chosen = np.round(np.linspace(first, last - 1, poses)).astype(int)
    motion = recording.motion
    tint = _tints(recording, style_colours([recording]) if colours is None else colours)
    # A very long lens keeps the outer poses from being seen from another side.
    view = 3.0
    tall = 1.95
    eye = 0.5 * tall / np.tan(np.radians(view) / 2)
    columns = margin + (width - margin) * (np.arange(poses) + 0.5) / poses
    camera = Camera(np.array([0.0, 0.8 + 0.16 * eye, eye]), np.array([0.0, 0.80, 0.0]), view)
    bodies = []
    for place, frame in enumerate(chosen):
        x = (columns[place] - 0.5 * width) * tall / height
        rotations = motion.rotations[frame].copy()
        rotations[0] = rot.multiply(rot.heading_rotation(np.float32(np.radians(38.0))), rotations[0])
        pelvis = np.array([x, motion.pelvis[frame, 1], 0.0], np.float32)
        positions, orientations = forward_kinematics(rotations, pelvis)
        bodies.append(Body(positions, orientations, tint[frame]))
    picture = Image.fromarray(render(Scene(bodies), camera, width, height))
    draw = ImageDraw.Draw(picture)
    size = max(11.0, 0.042 * height)
    for place, frame in enumerate(chosen):
        at = (columns[place], height - 0.6 * size)
        draw.text(at, f"{frame / FPS:.2f} s", fill=FAINT_INK, font=font(size), anchor="mb")
    return np.asarray(picture)


def line_up(
    recordings: Sequence[Recording], frame: int, width: int = 1280, height: int = 480, lane: float = 1.25
) -> NDArray[np.uint8]:
    """Several characters side by side at one moment (height, width, 3), each in its style's colour with its name.

    Args:
        recordings: characters, wherever they are; each is shown coming forward in a lane of its own.
        frame: the moment.
        width, height: pixels.
        lane: metres from one to the next.
    """
    shortest = min((r.frames for r in recordings), default=0)
    if not 0 <= frame < shortest:
        raise ValueError(f"frame: {frame} is out of range; allowed: 0 to {shortest - 1}")
    colours = style_colours(recordings)
    bodies: list[Body] = []
    marks: list[Line | Patch] = []
    for number, recording in enumerate(recordings):
        motion = recording.motion
        here = motion.relative_to(motion.root_position[frame], motion.root_heading[frame])
        here = here.transformed(np.array([(number - 0.5 * (len(recordings) - 1)) * lane, 0.0]), 0.0)
        colour = colours[recording.style_at(frame)]
        positions, orientations = _posed(here.slice_frames(frame, frame + 1))
        bodies.append(Body(positions[0], orientations[0], colour))
        marks += _floor_marks(Recording(here), footprints(here), colour, frame)
    view = 20.0
    across = 0.5 * (len(recordings) * lane + 0.6) * height / width
    distance = max(across, 1.15) / np.tan(np.radians(view / 2))
    camera = Camera(np.array([0.12 * distance, 0.75 + 0.085 * distance, distance]), np.array([0.0, 0.83, 0.0]), view)
    picture = render(Scene(bodies, marks), camera, width, height)
    names = [recording.style_at(frame) for recording in recordings]
    return draw_overlay(picture, tags=_tags(bodies, names, colours, camera, width, height))


def contact_sheet(
    rows: Sequence[tuple[str, Recording]], poses: int = 8, width: int = 1280, row_height: int = 220
) -> NDArray[np.uint8]:
    """Many motions as labelled strips, one under the other (rows x row_height, width, 3)."""
    if not rows:
        raise ValueError("rows: at least one (label, recording) expected, got none")
    colours = style_colours([recording for _, recording in rows])
    strips = []
    for label, recording in rows:
        picture = strip(recording, poses, width, row_height, margin=width // (2 * poses), colours=colours)
        strips.append(_labelled(picture, label, colours.get(recording.style_at(0), INK)))
    return np.concatenate(strips)


def _labelled(picture: NDArray[np.uint8], label: str, colour: Colour) -> NDArray[np.uint8]:
    unit = max(0.8, len(picture) / 240)
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    width = draw.textlength(label, font=font(14 * unit))
    draw.rounded_rectangle((8 * unit, 8 * unit, 24 * unit + width, 30 * unit), 11 * unit, fill=colour)
    draw.text((16 * unit, 19 * unit), label, fill=(255, 255, 255), font=font(14 * unit), anchor="lm")
    draw.line((0, image.height - 1, image.width, image.height - 1), fill=(222, 226, 232))
    return np.asarray(image)


def write_picture(recording: Recording, path: str | os.PathLike[str], poses: int = 8) -> None:
    """Writes a strip of ``poses`` poses as ``.png``; see :func:`strip`."""
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise ValueError(f"path: {path.name} ends in {path.suffix!r}; allowed is .png")
    Image.fromarray(strip(recording, poses)).save(path, optimize=True)


# --- shared --------------------------------------------------------------------------------------------------


def _posed(motion: Motion) -> tuple[Array, Array]:
    """Joint positions (T, 22, 3) and orientations (T, 22, 4), world."""
    return forward_kinematics(motion.world_rotations().astype(np.float32), motion.world_pelvis().astype(np.float32))


def _tags(
    bodies: Sequence[Body], names: Sequence[str], colours: dict[str, Colour], camera: Camera, width: int, height: int
) -> list[Tag]:
    """Badges over the heads, the farther ones first."""
    heads = np.stack([body.positions[JOINT_INDEX["head"]] for body in bodies]) + np.array([0.0, 0.34, 0.0])
    pixels, depth = camera.project(heads, width, height)
    return [
        Tag(float(pixels[i, 0]), float(pixels[i, 1]), names[i], colours[names[i]])
        for i in np.argsort(-depth)
        if depth[i] > 0.2 and names[i]
    ]


def _tints(recording: Recording, colours: dict[str, Colour], blend: float = 5.0) -> list[Colour]:
    """The character's colour at every frame: its style's, changing smoothly."""
    raw = np.array([colours[recording.style_at(f)] for f in range(recording.frames)], np.float64)
    smooth = gaussian_filter1d(raw, blend, axis=0, mode="nearest")
    return [(int(r), int(g), int(b)) for r, g, b in np.round(smooth)]


def _floor_marks(recording: Recording, stances: list[Footprint], tint: Colour, frame: int) -> list[Line | Patch]:
    """The asked path near the character, the way it came, and its footprints so far."""
    marks: list[Line | Patch] = []
    root = recording.motion.root_position
    if recording.path is not None and len(recording.path) > 1:
        dense = _dense(recording.path, 0.04)
        near = np.linalg.norm(dense - root[frame], axis=-1) < ASKED_AHEAD
        for run in np.split(np.flatnonzero(near), np.flatnonzero(np.diff(np.flatnonzero(near)) > 1) + 1):
            marks.append(Line(dense[run], PATH_COLOUR, 0.022, 0.85, 0.12))
    begin = max(0, frame - TRACE_FRAMES)
    marks.append(Line(root[begin : frame + 1 : 2], TRACE_COLOUR, 0.016, 0.8))
    for stance in stances:
        if stance.first > frame or frame - stance.last > FOOTPRINT_FRAMES:
            continue
        standing = frame < stance.last
        age = max(0, frame - stance.last) / FOOTPRINT_FRAMES
        opacity = 0.8 if standing else 0.55 * (1 - age)
        marks.append(Patch(stance.outline(), tint if standing else TRACE_COLOUR, opacity))
    return marks


def _dense(path: Array, step: float) -> Array:
    """The path (N, 2) resampled every ``step`` metres, so that dashes have one length."""
    length = np.concatenate(([0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=-1))))
    keep = np.concatenate(([True], np.diff(length) > 1e-6))
    at = np.arange(0.0, length[-1] + 1e-6, step)
    return np.stack([np.interp(at, length[keep], path[keep, k]) for k in range(2)], axis=-1).astype(np.float32)
