"""The training set in memory: every frame of the training clips, plain and mirrored, and window sampling.

A stored frame (205 values) is local to its own root: root x, z, heading; joint positions relative to the root
in its heading frame; 6D rotations, the pelvis' relative to the root; contacts. A batch of windows is gathered
with one index operation and turned into canonical-frame features on the device.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from strut_model import rotations as rot
from strut_model.data.pack import SYNTHETIC, Pack
from strut_model.data.split import Split
from strut_model.features import CONTACTS, FEATURES, POSITIONS, ROTATIONS
from strut_model.motion import Motion
from strut_model.nn.kinematics import rebase
from strut_model.scene.descriptor import QUANTITIES, SIZE
from strut_model.scene.synthesis import read_labels
from strut_model.skeleton import CONTACT_MIRROR, JOINTS, MIRROR, forward_kinematics

LOCAL = FEATURES - 1
"""Values of a stored frame: as the features, but the heading is one angle."""

_MIRRORED_SCENE = np.array([-1 if q.name == "wind_x" else 1 for q in QUANTITIES], np.float32)
_SWAPS = (("left", "right"), ("right", "left"))
LOCOMOTION = ("walk", "run", "dash", "strafe", "jog", "sprint")


def mirrored_content(name: str) -> str:
    """The content's name when left and right are swapped."""
    words = name.split("-")
    table = dict(_SWAPS)
    return "-".join(table.get(word, word) for word in words)


def content_kind(name: str) -> str:
    """ "locomotion", "idle" or "gesture", by the content's name."""
    if name == "idle":
        return "idle"
    return "locomotion" if name.split("-")[0] in LOCOMOTION else "gesture"


def local_frames(motion: Motion) -> np.ndarray:
    """Stored frames (T, 205) of a motion."""
    positions, _ = forward_kinematics(motion.rotations, motion.pelvis)
    return np.concatenate(
        (
            motion.root_position,
            motion.root_heading[:, None],
            positions.reshape(motion.frames, -1),
            rot.to_six_d(motion.rotations).reshape(motion.frames, -1),
            motion.contacts,
        ),
        axis=-1,
    ).astype(np.float32)


def canonical(frames: Tensor, reference: Tensor) -> Tensor:
    """Features (B, T, 206) of stored frames (B, T, 205) in the canonical frame of a root.

    Args:
        frames: stored frames.
        reference: (B, 3) x, z and heading of the root that becomes the origin.
    """
    heading = frames[..., 2]
    cosine, sine = torch.cos(heading), torch.sin(heading)
    local = torch.cat(
        (
            torch.zeros_like(frames[..., :2]),
            torch.ones_like(frames[..., :1]),
            torch.zeros_like(frames[..., :1]),
            frames[..., 3:],
        ),
        dim=-1,
    )
    # A stored frame is the features seen from its own root; move each to the world, then all to the reference.
    flat = local.flatten(0, 1)[:, None]
    inverse = torch.stack(
        (
            -(cosine * frames[..., 0] - sine * frames[..., 1]),
            -(sine * frames[..., 0] + cosine * frames[..., 1]),
            cosine,
            -sine,
        ),
        dim=-1,
    )
    world = rebase(flat, inverse.flatten(0, 1)).view(*local.shape)
    origin = torch.stack((reference[:, 0], reference[:, 1], torch.cos(reference[:, 2]), torch.sin(reference[:, 2])), -1)
    return rebase(world, origin)


@dataclass(frozen=True)
class Codes:
    """Style and content codes of the training set, made by the encoder.

    Attributes:
        style: (clips, 5, 64) of each clip (plain, then mirrored).
        content: (clips, 64) of each clip.
        style_names: names in the order of ``style_prototypes``.
        style_prototypes: (S, 5, 64) mean codes of the styles.
        content_names: names in the order of ``content_prototypes``.
        content_prototypes: (C, 64) mean codes of the contents.
    """

    style: Tensor
    content: Tensor
    style_names: tuple[str, ...]
    style_prototypes: Tensor
    content_names: tuple[str, ...]
    content_prototypes: Tensor


class FrameStore:
    """All training frames in memory, plain clips first and then the same clips mirrored.

    Attributes:
        frames: (N, 205) stored frames.
        start, length: (segments,) where each segment begins in ``frames`` and how long it is.
        offset, total: (segments,) where the segment begins in its clip, and the clip's length in frames.
        style, content: (segments,) label indices; the mirrored half has its content labels swapped.
        synthetic: (segments,) bool, whether the segment was made from other clips: trained on, but never measured.
        scene: (segments, 20) descriptors' vectors of segments that were edited by a scene, zeros for the others.
        alpha: (segments,) how strongly the scene shows.
    """

    def __init__(
        self,
        pack: Path,
        split: Path,
        sets: tuple[str, ...] = ("train",),
        mirror: bool = True,
        synthetic: bool = True,
        scenes: Path | None = None,
    ) -> None:
        """Loads the frames.

        Args:
            pack, split, sets: whose segments to load.
            mirror: add all of them mirrored.
            synthetic: with those that were made from other clips.
            scenes: a folder made by ``strut scene synthesise``, all of whose clips are loaded, too.

        Raises:
            ValueError: the split names no clip of the pack, or the scenes' clips show more than a student learns.
        """
        reader = Pack(pack, synthetic=synthetic)
        segments = [s for name in sets for s in Split.read(split).segments(name)]
        chosen = {c.name for c in reader.clips} & {s.clip for s in segments}
        blocks: list[np.ndarray] = []
        rows: list[tuple[str, str, str, int, int, int, bool]] = []
        by_clip: dict[str, list[tuple[int, int]]] = {}
        for segment in segments:
            by_clip.setdefault(segment.clip, []).append((segment.start, segment.end))
        for info in tqdm([c for c in reader.clips if c.name in chosen], desc="loading clips", unit="clip"):
            motion = reader.clip(info.name).motion()
            for a, b in by_clip[info.name]:
                blocks.append(local_frames(motion.slice_frames(a, b)))
                made = SYNTHETIC in info.tags
                rows.append((info.name, info.style, info.content, b - a, a, motion.frames, made))
        if not rows:
            raise ValueError(f"{split}: no segment of {', '.join(sets)} names a clip of {pack}")
        scene = [np.zeros(SIZE, np.float32)] * len(rows)
        alpha = [0.0] * len(rows)
        if scenes is not None:
            edited = Pack(scenes, synthetic=True)
            labels = read_labels(scenes)
            for info in tqdm(edited.clips, desc="loading scenes", unit="clip"):
                label = labels[info.name]
                motion = edited.clip(info.name).motion()
                if not label.gait_only:
                    raise ValueError(f"scenes: {info.name} shows what the run time adds; make {scenes} without --whole")
                blocks.append(local_frames(motion))
                rows.append((info.name, info.style, info.content, motion.frames, 0, motion.frames, True))
                scene.append(np.array(label.vector, np.float32))
                alpha.append(label.alpha)
        frames = torch.from_numpy(np.concatenate(blocks))
        length = np.array([r[3] for r in rows], dtype=np.int64)
        self.names = [r[0] for r in rows]
        styles = [r[1] for r in rows]
        contents = [r[2] for r in rows]
        if mirror:
            frames = torch.cat((frames, mirror_frames(frames)))
            length = np.concatenate((length, length))
            self.names = self.names * 2
            styles = styles * 2
            contents = contents + [mirrored_content(c) for c in contents]
            scene, alpha = scene + [vector * _MIRRORED_SCENE for vector in scene], alpha * 2
        self.scene = torch.from_numpy(np.stack(scene))
        self.alpha = torch.tensor(alpha)
        self.frames = frames
        self.mirrored = np.arange(len(length)) >= len(rows)
        self.style_names = tuple(sorted(set(styles)))
        self.content_names = tuple(sorted(set(contents)))
        self.style = torch.tensor([self.style_names.index(s) for s in styles])
        self.content = torch.tensor([self.content_names.index(c) for c in contents])
        self.length = torch.from_numpy(length)
        self.start = torch.from_numpy(np.concatenate(([0], np.cumsum(length)[:-1])))
        repeat = 2 if mirror else 1
        self.offset = torch.tensor([r[4] for r in rows] * repeat)
        self.total = torch.tensor([r[5] for r in rows] * repeat)
        self.synthetic = torch.tensor([r[6] for r in rows] * repeat)
        self.segment_of = torch.repeat_interleave(torch.arange(len(length)), self.length)
        self.is_gesture = torch.tensor([content_kind(c) == "gesture" for c in self.content_names])

    def to(self, device: torch.device) -> FrameStore:
        """Moves the tensors to a device; returns the store."""
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                setattr(self, name, value.to(device))
        return self

    def gather(self, first: Tensor, count: int, rate: Tensor | None = None) -> Tensor:
        """Stored frames (B, count, 205) from frame indices ``first`` (B,), optionally at another speed.

        Args:
            first: (B,) indices into ``frames``.
            count: frames wanted.
            rate: (B,) source frames a frame; the caller leaves room for ceil(rate * count) frames.
        """
        steps = torch.arange(count, device=first.device)
        if rate is None:
            return self.frames[first[:, None] + steps]
        at = steps * rate[:, None]
        low = at.floor()
        fraction = (at - low)[..., None]
        index = first[:, None] + low.long()
        # The last frame has no next one; its share is 0 there.
        a, b = self.frames[index], self.frames[(index + 1).clamp(max=len(self.frames) - 1)]
        out = torch.lerp(a, b, fraction)
        turn = torch.remainder(b[..., 2] - a[..., 2] + torch.pi, 2 * torch.pi) - torch.pi
        out[..., 2] = a[..., 2] + turn * fraction[..., 0]
        return out

    def segment_weights(self, power: float, minimum: int, kind_share: dict[str, float] | None = None) -> Tensor:
        """(segments,) sampling weights: styles with probability frames^power, contents likewise within a style.

        Args:
            power: 0 gives every style the same weight, 1 weights by frames.
            minimum: frames that a segment must have to be drawn.
            kind_share: wanted share of "locomotion", "gesture" and "idle"; as it comes by default.
        """
        usable = (self.length - minimum).clamp(min=0).double()
        styles, contents = len(self.style_names), len(self.content_names)
        cell = self.style * contents + self.content
        cell_total = torch.zeros(styles * contents, dtype=torch.float64).index_add_(0, cell, usable)
        cells = torch.where(cell_total > 0, cell_total.clamp(min=1e-9) ** power, 0.0).view(styles, contents)
        style_total = cells.sum(1, keepdim=True)
        cells = cells / style_total.clamp(min=1e-9) * style_total**power
        if kind_share:
            kinds = [content_kind(c) for c in self.content_names]
            for kind, share in kind_share.items():
                mask = torch.tensor([k == kind for k in kinds])
                total = cells[:, mask].sum()
                if total > 0:
                    cells[:, mask] *= share / total
        weight = usable / cell_total.clamp(min=1e-9)[cell] * cells.flatten()[cell]
        return weight / weight.sum()


def mirror_frames(frames: Tensor) -> Tensor:
    """Stored frames (..., 205) with left and right swapped."""
    joints = torch.from_numpy(MIRROR).to(frames.device)
    root = frames[..., :3] * torch.tensor([-1.0, 1.0, -1.0], device=frames.device)
    positions = frames[..., POSITIONS.start - 1 : POSITIONS.stop - 1].unflatten(-1, (JOINTS, 3))[..., joints, :]
    positions = positions * torch.tensor([-1.0, 1.0, 1.0], device=frames.device)
    six = frames[..., ROTATIONS.start - 1 : ROTATIONS.stop - 1].unflatten(-1, (JOINTS, 6))[..., joints, :]
    six = six * torch.tensor([1.0, -1.0, -1.0, -1.0, 1.0, 1.0], device=frames.device)
    contacts = frames[..., CONTACTS.start - 1 :][..., torch.from_numpy(CONTACT_MIRROR).to(frames.device)]
    return torch.cat((root, positions.flatten(-2), six.flatten(-2), contacts), dim=-1)
