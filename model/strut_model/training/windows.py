"""Training windows: histories, targets and conditions of one batch, with the augmentations of the recipe.

Three kinds of sample: plain; stitched (the history comes from another style or content, matched in pose, velocity
and contact phase, and the target is eased onto it, so that switches are learned from real data); self-history (the
network's own output is the history of the real next window).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from strut_model.features import CONTACTS, FEATURES, HISTORY, POSITIONS, ROOT, ROTATIONS, WINDOW
from strut_model.nn.kinematics import consistent, rebase, root_of
from strut_model.skeleton import JOINTS
from strut_model.training.dataset import Codes, FrameStore, canonical

SPAN = HISTORY + WINDOW
_MATCH_JOINTS = (20, 21, 10, 11, 16, 17, 15)


@dataclass(frozen=True)
class Augmentation:
    """How training windows are varied.

    Attributes:
        speed_share, speed_range: share of samples played at another speed, and how far from 1.
        history_noise: largest standard deviation of noise on the history, in normalised units.
        short_history, no_history: share of samples that know only two frames, or none.
        trajectory_jitter: metres, standard deviation of the error of the asked path at the window's end.
        prototype_share: share of samples whose style and content are the names' mean codes, not the clip's own.
        drop_style, drop_content, drop_both, drop_trajectory, drop_facing: condition dropout.
        phase_share: share of gesture samples that are told the phase.
        stitched_share: share of the samples with a history from elsewhere; of these ``content_switch_share`` from
            another content.
        stitch_candidates: random frames among which the nearest is taken.
        stitch_drop: share of the worst matches that stay plain.
        stitch_decay: per frame, of the spring that eases the target onto the foreign history.
    """

    speed_share: float = 0.5
    speed_range: float = 0.15
    history_noise: float = 0.12
    short_history: float = 0.15
    no_history: float = 0.04
    trajectory_jitter: float = 0.03
    prototype_share: float = 0.6
    drop_style: float = 0.12
    drop_content: float = 0.12
    drop_both: float = 0.08
    drop_trajectory: float = 0.1
    drop_facing: float = 0.1
    phase_share: float = 0.75
    stitched_share: float = 0.37
    content_switch_share: float = 0.25
    stitch_candidates: int = 128
    stitch_drop: float = 0.2
    stitch_decay: float = 0.4
    kind_share: dict[str, float] = field(default_factory=lambda: {"locomotion": 0.58, "gesture": 0.37, "idle": 0.05})


@dataclass(frozen=True)
class Windows:
    """A batch: features in the canonical frame, not normalised, and the conditions as the network takes them.

    Attributes:
        history: (B, 8, 206), target: (B, 16, 206), following: (B, 16, 206) the real window after the target (in the
            same frame) or None.
        history_mask (B, 8), trajectory (B, 16, 4), trajectory_mask (B, 16, 2), content (B, 64), phase (B, 3),
        style (B, 5, 64): see ``Denoiser.forward``. style_index, content_index: (B,) labels.
        own_style: (B, 5, 64) and own_content: (B, 64) codes before dropout.
    """

    history: Tensor
    target: Tensor
    following: Tensor | None
    history_mask: Tensor
    trajectory: Tensor
    trajectory_mask: Tensor
    content: Tensor
    phase: Tensor
    style: Tensor
    style_index: Tensor
    content_index: Tensor
    own_style: Tensor
    own_content: Tensor

    def conditions(self) -> dict[str, Tensor]:
        """The conditions by the names of the network's inputs, all but the history."""
        return {
            "history_mask": self.history_mask,
            "trajectory": self.trajectory,
            "trajectory_mask": self.trajectory_mask,
            "content": self.content,
            "phase": self.phase,
            "style": self.style,
        }


class WindowSampler:
    """Draws training windows from a frame store.

    Args:
        store: the training frames.
        codes: codes of the same clips.
        augmentation: how they are varied.
        balance: power of the style and content frequencies.
    """

    def __init__(self, store: FrameStore, codes: Codes, augmentation: Augmentation, balance: float) -> None:
        self.store = store
        self.codes = codes
        self.augmentation = augmentation
        device = store.frames.device
        weights = {n: store.segment_weights(balance, n + 1, augmentation.kind_share) for n in (SPAN, SPAN + WINDOW)}
        self._weights = {n: w.to(device) for n, w in weights.items()}
        self._descriptors = _descriptors(store)
        # Frames that have a whole history in their segment, sorted by content, for drawing stitch candidates.
        within = torch.arange(len(store.frames), device=device) - store.start[store.segment_of]
        frames = torch.nonzero(within >= HISTORY - 1)[:, 0]
        content = store.content[store.segment_of[frames]]
        self._by_content = frames[torch.argsort(content, stable=True)]
        counts = torch.bincount(content, minlength=len(store.content_names))
        self._content_count = counts
        self._content_start = torch.cumsum(counts, 0) - counts

    def _uniform(self, *shape: int) -> Tensor:
        return torch.rand(*shape, device=self.store.frames.device)

    def draw(self, batch: int, windows: int = 1) -> Windows:
        """A plain batch with ``windows`` (1 or 2) windows after the history."""
        store, a = self.store, self.augmentation
        span = HISTORY + windows * WINDOW
        segment = torch.multinomial(self._weights[span], batch, replacement=True)
        length = store.length[segment]
        rate = 1 + (self._uniform(batch) * 2 - 1) * a.speed_range * (self._uniform(batch) < a.speed_share)
        rate = torch.minimum(rate, (length - 1.01) / span)
        room = (length - 1 - (rate * (span - 1)).ceil().long()).clamp(min=0)
        local = (self._uniform(batch) * (room + 1)).long()
        frames = store.gather(store.start[segment] + local, span, rate)
        features = canonical(frames, frames[:, HISTORY - 1, :3])

        own = self._uniform(batch) >= a.prototype_share
        style_index, content_index = store.style[segment], store.content[segment]
        own_style = torch.where(own[:, None, None], self.codes.style[segment], self.codes.style_prototypes[style_index])
        own_content = torch.where(
            own[:, None], self.codes.content[segment], self.codes.content_prototypes[content_index]
        )
        total = store.total[segment].float()
        given = store.is_gesture[content_index] & (self._uniform(batch) < a.phase_share)
        at = (store.offset[segment] + local + rate * HISTORY) / total
        phase = torch.stack((at, rate / total, torch.ones_like(at)), dim=-1) * given[:, None]
        mask = torch.ones(batch, HISTORY, device=frames.device)
        which = self._uniform(batch)
        mask[:, :-2] *= (which >= a.short_history + a.no_history).float()[:, None]
        mask *= (which >= a.no_history).float()[:, None]
        result = Windows(
            history=features[:, :HISTORY],
            target=features[:, HISTORY:SPAN],
            following=features[:, SPAN:] if windows == 2 else None,
            history_mask=mask,
            trajectory=torch.zeros(0),
            trajectory_mask=torch.zeros(0),
            content=own_content,
            phase=phase,
            style=own_style,
            style_index=style_index,
            content_index=content_index,
            own_style=own_style,
            own_content=own_content,
        )
        return self._stitched(result, store.start[segment] + local) if windows == 1 else result

    def conditioned(self, windows: Windows) -> Windows:
        """The batch with its trajectory asked for and with condition dropout."""
        a, batch = self.augmentation, len(windows.history)
        device = windows.history.device
        root = windows.trajectory if windows.trajectory.numel() else windows.target[..., ROOT]
        ramp = torch.linspace(1 / WINDOW, 1, WINDOW, device=device)[None, :, None]
        jitter = torch.randn(batch, 1, 2, device=device) * a.trajectory_jitter * ramp
        trajectory = torch.cat((root[..., :2] + jitter, root[..., 2:4]), dim=-1)
        keep = self._uniform(batch) >= a.drop_trajectory
        facing = keep & (self._uniform(batch) >= a.drop_facing)
        mask = torch.stack((keep, facing), dim=-1).float()[:, None].expand(-1, WINDOW, -1)
        which = self._uniform(batch)
        both = which < a.drop_both
        style = (which < a.drop_both + a.drop_style).float()
        content = (both | (which >= 1 - a.drop_content)).float()
        return replace(
            windows,
            trajectory=trajectory,
            trajectory_mask=mask.contiguous(),
            style=windows.style * (1 - style)[:, None, None],
            content=windows.content * (1 - content)[:, None],
            phase=windows.phase * (1 - content)[:, None],
        )

    def _stitched(self, windows: Windows, first: Tensor) -> Windows:
        """Some of the batch with a history from another style or content."""
        a, store = self.augmentation, self.store
        batch = len(first)
        count = round(a.stitched_share * batch)
        if count == 0:
            return windows
        rows = torch.randperm(batch, device=first.device)[:count]
        content = windows.content_index[rows]
        switch = self._uniform(count) < a.content_switch_share
        other = torch.randint(0, len(store.content_names), (count,), device=first.device)
        other = torch.where(self._content_count[other] > 0, other, content)
        content = torch.where(switch, other, content)
        draws = self._uniform(count, a.stitch_candidates) * self._content_count[content][:, None]
        candidates = self._by_content[self._content_start[content][:, None] + draws.long()]
        wanted = self._descriptors[first[rows] + HISTORY - 1]
        distance = (self._descriptors[candidates] - wanted[:, None]).square().sum(-1)
        same = store.style[store.segment_of[candidates]] == windows.style_index[rows][:, None]
        distance = distance + (same & ~switch[:, None]) * 1e6
        nearest, index = distance.min(dim=1)
        keep = nearest <= torch.quantile(nearest, 1 - a.stitch_drop).clamp(max=1e5)
        rows, chosen = rows[keep], candidates.gather(1, index[:, None])[keep, 0]
        frames = store.gather(chosen - (HISTORY - 1), HISTORY)
        history = canonical(frames, frames[:, -1, :3])
        target = eased_onto(windows.target[rows], windows.history[rows], history, a.stitch_decay)
        path = windows.target[..., ROOT].clone()
        return replace(
            windows,
            history=windows.history.index_copy(0, rows, history),
            target=windows.target.index_copy(0, rows, target),
            trajectory=path,
        )


def eased_onto(target: Tensor, own: Tensor, history: Tensor, decay: float) -> Tensor:
    """A window eased onto another history: inertialisation by a critically damped spring (Bollo 2018; Holden 2023).

    Args:
        target: (B, 16, 206) the window, not normalised.
        own: (B, 8, 206) the history that it really continues.
        history: (B, 8, 206) the history that it shall continue.
        decay: per frame.
    """
    offset = history[:, -1] - own[:, -1]
    velocity = (history[:, -1] - history[:, -2]) - (own[:, -1] - own[:, -2])
    k = torch.arange(1, WINDOW + 1, device=target.device, dtype=target.dtype)[None, :, None]
    ease = (offset[:, None] + (velocity + decay * offset)[:, None] * k) * torch.exp(-decay * k)
    columns = torch.ones(FEATURES, device=target.device)
    columns[CONTACTS] = 0
    columns[2:4] = 0
    return consistent(target + ease * columns)


def next_history(features: Tensor) -> Tensor:
    """The history (B, 8, 206) for the next window, in its canonical frame, from a generated window (B, 16, 206)."""
    return rebase(features[:, -HISTORY:], root_of(features, -1))


def after_own_window(windows: Windows, predict: Callable[[Windows], Tensor]) -> Windows:
    """The batch moved on by one window of the network's own making: its output is the next history.

    Args:
        windows: drawn with two windows.
        predict: gives the clean window (B, 16, 206), not normalised, of a batch.
    """
    assert windows.following is not None
    features = consistent(predict(windows))
    origin = root_of(features, -1)
    phase = windows.phase.clone()
    phase[:, 0] += phase[:, 1] * WINDOW
    return replace(
        windows,
        history=rebase(features[:, -HISTORY:], origin),
        history_mask=torch.ones_like(windows.history_mask),
        target=rebase(windows.following, origin),
        following=None,
        trajectory=torch.zeros(0),
        style=windows.own_style,
        content=windows.own_content,
        phase=phase,
    )


def _descriptors(store: FrameStore) -> Tensor:
    """(N, 49) what two frames must share to be joined: pose, velocity, speed and contact phase, in decimetres."""
    joints = torch.tensor(_MATCH_JOINTS, device=store.frames.device)
    positions = store.frames[:, POSITIONS.start - 1 : POSITIONS.stop - 1].unflatten(-1, (JOINTS, 3))
    pose = positions[:, joints].flatten(1) * 10
    velocity = torch.cat((pose[1:] - pose[:-1], torch.zeros_like(pose[:1])))
    root = store.frames[:, :2]
    speed = torch.cat(((root[1:] - root[:-1]).norm(dim=-1, keepdim=True), root.new_zeros(1, 1))) * 10
    # The last frame of a segment has no next one: it takes the velocity before.
    last = store.start + store.length - 1
    velocity[last], speed[last] = velocity[last - 1], speed[last - 1]
    contacts = store.frames[:, CONTACTS.start - 1 :]
    height = positions[:, 0, 1:2] * 10
    return torch.cat((pose, velocity * 6, height, speed * 12, contacts * 1.5), dim=-1)


def rotation_limits(store: FrameStore) -> tuple[Tensor, Tensor]:
    """Lowest and highest 6D components (132,) in the training frames, the outermost in a thousand left out."""
    six = store.frames[:: max(1, len(store.frames) // 50_000), ROTATIONS.start - 1 : ROTATIONS.stop - 1]
    ordered = six.sort(dim=0).values
    edge = max(1, len(ordered) // 2000)
    return ordered[edge], ordered[-edge - 1]
