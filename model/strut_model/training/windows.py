"""Training windows: histories, targets and conditions of one batch, with the augmentations of the recipe.

Three kinds of sample: plain; stitched (the history comes from another style or content, matched in pose, velocity
and contact phase, and the target is eased onto it, so that switches are learned from real data); on-policy (the history
is a state of the network's own rollout, up to many windows long, and the target the real window that continues it
best, eased onto it: so the network learns to come back to real motion from wherever it has drifted).
"""

from __future__ import annotations

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
        own_states: states of the network's own rollouts that are kept.
        own_windows: windows after which a rollout is begun anew from a real clip.
        own_change: share of on-policy samples that are asked for another style, and the same share again for any other
            style and content.
        own_drop: share of the worst matches of on-policy samples, whose rollouts are begun anew.
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
    own_states: int = 1024
    own_windows: int = 24
    own_change: float = 0.1
    own_drop: float = 0.05
    kind_share: dict[str, float] = field(default_factory=lambda: {"locomotion": 0.58, "gesture": 0.37, "idle": 0.05})


@dataclass(frozen=True)
class Windows:
    """A batch: features in the canonical frame, not normalised, and the conditions as the network takes them.

    Attributes:
        history: (B, 8, 206), target: (B, 16, 206).
        history_mask (B, 8), trajectory (B, 16, 4), trajectory_mask (B, 16, 2), content (B, 64), phase (B, 3),
        style (B, 5, 64): see ``Denoiser.forward``. style_index, content_index: (B,) labels.
        own_style: (B, 5, 64) and own_content: (B, 64) codes before dropout.
        scene: (B, 5, 64), see ``Denoiser.forward``; None where no scenes are trained.
    """

    history: Tensor
    target: Tensor
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
    scene: Tensor | None = None

    def conditions(self) -> dict[str, Tensor]:
        """The conditions by the names of the network's inputs, all but the history."""
        scene = {} if self.scene is None else {"scene": self.scene}
        return {
            **scene,
            "history_mask": self.history_mask,
            "trajectory": self.trajectory,
            "trajectory_mask": self.trajectory_mask,
            "content": self.content,
            "phase": self.phase,
            "style": self.style,
        }


class FrameGroups:
    """Frames by group, for drawing some of a group.

    Args:
        chosen: (N,) bool, which frames take part.
        group: (N,) the group of each frame.
        groups: how many groups there are.
    """

    def __init__(self, chosen: Tensor, group: Tensor, groups: int) -> None:
        frames = torch.nonzero(chosen)[:, 0]
        group = group[frames]
        self._frames = frames[torch.argsort(group, stable=True)]
        self.count = torch.bincount(group, minlength=groups)
        self._start = torch.cumsum(self.count, 0) - self.count

    def draw(self, group: Tensor, count: int) -> Tensor:
        """(B, count) random frames of each group (B,), with repetition; the groups must not be empty."""
        draws = torch.rand(len(group), count, device=group.device) * self.count[group][:, None]
        return self._frames[self._start[group][:, None] + draws.long()]


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
        self._weights = self._segment_weights(balance).to(device)
        self._descriptors = _descriptors(store)
        within = torch.arange(len(store.frames), device=device) - store.start[store.segment_of]
        # A stitch candidate has a whole history before it, one that a rollout continues with a whole window after it.
        before = within >= HISTORY - 1
        whole = before & (store.length[store.segment_of] - 1 - within >= WINDOW)
        content, style = store.content[store.segment_of], store.style[store.segment_of]
        contents, styles = len(store.content_names), len(store.style_names)
        self._by_content = FrameGroups(before, content, contents)
        self._cells = FrameGroups(whole, style * contents + content, styles * contents)

    def _segment_weights(self, balance: float) -> Tensor:
        """(segments,) how often each segment is drawn."""
        return self.store.segment_weights(balance, SPAN + 1, self.augmentation.kind_share)

    def _look(self, segment: Tensor) -> Tensor:
        """(...,) a number for what segments look like, which stitches are to change: their style."""
        return self.store.style[segment]

    def _candidates(self, content: Tensor, segment: Tensor) -> Tensor:
        """(B, candidates) frames of contents (B,) among which the histories of stitches are looked for.

        Args:
            content: of the histories.
            segment: that the windows are of.
        """
        return self._by_content.draw(content, self.augmentation.stitch_candidates)

    def _uniform(self, *shape: int) -> Tensor:
        return torch.rand(*shape, device=self.store.frames.device)

    def draw(self, batch: int) -> Windows:
        """A plain batch, a share of it stitched."""
        store, a = self.store, self.augmentation
        segment = torch.multinomial(self._weights, batch, replacement=True)
        length = store.length[segment]
        rate = 1 + (self._uniform(batch) * 2 - 1) * a.speed_range * (self._uniform(batch) < a.speed_share)
        rate = torch.minimum(rate, (length - 1.01) / SPAN)
        room = (length - 1 - (rate * (SPAN - 1)).ceil().long()).clamp(min=0)
        local = (self._uniform(batch) * (room + 1)).long()
        return self._stitched(self._windows(segment, local, rate), segment, store.start[segment] + local)

    def _windows(self, segment: Tensor, local: Tensor, rate: Tensor) -> Windows:
        """The windows whose histories begin at frame ``local`` of their segments, at a speed."""
        store, a = self.store, self.augmentation
        batch = len(segment)
        frames = store.gather(store.start[segment] + local, SPAN, rate)
        features = canonical(frames, frames[:, HISTORY - 1, :3])
        # The encoder never saw synthetic clips, so those go by their names.
        own = (self._uniform(batch) >= a.prototype_share) & ~store.synthetic[segment]
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
        return Windows(
            history=features[:, :HISTORY],
            target=features[:, HISTORY:],
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

    def begin(self, batch: int) -> tuple[Tensor, Tensor, Tensor]:
        """Real states to begin rollouts from: histories (B, 8, 206), style and content labels (B,)."""
        segment = torch.multinomial(self._weights, batch, replacement=True)
        room = self.store.length[segment] - SPAN
        first = self.store.start[segment] + (self._uniform(batch) * (room + 1)).long()
        frames = self.store.gather(first, HISTORY)
        return canonical(frames, frames[:, -1, :3]), self.store.style[segment], self.store.content[segment]

    def labels(self, batch: int) -> tuple[Tensor, Tensor]:
        """Style and content labels (B,) of segments as they are drawn for training."""
        segment = torch.multinomial(self._weights, batch, replacement=True)
        return self.store.style[segment], self.store.content[segment]

    def other_style(self, style: Tensor, content: Tensor) -> Tensor:
        """Another style (B,) that has this content where there is one."""
        counts = self._cells.count.view(len(self.store.style_names), -1)
        weight = (counts[:, content].T > 0).float()
        weight[torch.arange(len(style), device=style.device), style] = 1e-6
        return torch.multinomial(weight, 1)[:, 0]

    def has(self, style: Tensor, content: Tensor) -> Tensor:
        """(B,) whether the data have windows of this style and content."""
        return self._cells.count[style * len(self.store.content_names) + content] > 0

    def continuing(self, history: Tensor, style: Tensor, content: Tensor) -> tuple[Windows, Tensor]:
        """Real windows of a style and content that continue given histories best, eased onto them.

        Args:
            history: (B, 8, 206) states, not normalised, in their canonical frames.
            style, content: (B,) labels whose data ``has`` windows.

        Returns:
            The batch, and the squared distance (B,) of each match.
        """
        store, a = self.store, self.augmentation
        candidates = self._cells.draw(style * len(store.content_names) + content, a.stitch_candidates)
        return self._nearest(history, candidates)

    def _nearest(self, history: Tensor, candidates: Tensor) -> tuple[Windows, Tensor]:
        """The windows after the frames, of candidates (B, N), that resemble the histories most; see ``continuing``."""
        store, a = self.store, self.augmentation
        wanted = describe(history[:, -2:])[:, None]
        nearest, index = (self._descriptors[candidates] - wanted).square().sum(-1).min(dim=1)
        chosen = candidates.gather(1, index[:, None])[:, 0]
        segment = store.segment_of[chosen]
        local = chosen - store.start[segment] - (HISTORY - 1)
        windows = self._windows(segment, local, torch.ones_like(nearest))
        target = eased_onto(windows.target, windows.history, history, a.stitch_decay)
        path = windows.target[..., ROOT]
        return replace(windows, history=history, target=target, trajectory=path), nearest

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

    def _stitched(self, windows: Windows, segment: Tensor, first: Tensor) -> Windows:
        """Some of the batch with a history from another style or content.

        Args:
            windows: the batch.
            segment, first: (B,) the segments that the windows are of, and the frames that their histories begin at.
        """
        a, store = self.augmentation, self.store
        batch = len(first)
        count = round(a.stitched_share * batch)
        if count == 0:
            return windows
        rows = torch.randperm(batch, device=first.device)[:count]
        content = windows.content_index[rows]
        switch = self._uniform(count) < a.content_switch_share
        other = torch.randint(0, len(store.content_names), (count,), device=first.device)
        other = torch.where(self._by_content.count[other] > 0, other, content)
        content = torch.where(switch, other, content)
        candidates = self._candidates(content, segment[rows])
        wanted = self._descriptors[first[rows] + HISTORY - 1]
        distance = (self._descriptors[candidates] - wanted[:, None]).square().sum(-1)
        same = self._look(store.segment_of[candidates]) == self._look(segment[rows])[:, None]
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


class OwnStates:
    """States of the network's own rollouts, as histories to train at.

    On-policy training (DAgger, Ross et al. 2011; its form for distillation, Agarwal et al. 2024): states of all depths
    are kept and drawn at random, each is moved on by what the network made of it, and rollouts begin anew after
    ``own_windows`` windows or where nothing real resembles them any more.

    Args:
        sampler: draws the real states and continuations.
    """

    def __init__(self, sampler: WindowSampler) -> None:
        self._sampler = sampler
        a = sampler.augmentation
        self.history, self._style, self._content = sampler.begin(a.own_states)
        self.depth = torch.randint(0, a.own_windows, (a.own_states,), device=self.history.device)
        self._rows = torch.zeros(0, dtype=torch.long)

    def draw(self, batch: int) -> Windows:
        """A batch at states of the rollouts, with the real windows that continue them; see ``moved``.

        Args:
            batch: at most ``own_states``.
        """
        sampler, a = self._sampler, self._sampler.augmentation
        device = self.history.device
        rows = torch.randperm(len(self.history), device=device)[:batch]
        over = rows[self.depth[rows] >= a.own_windows]
        self._restart(over)
        style, content = self._style[rows], self._content[rows]
        which = torch.rand(batch, device=device)
        style = torch.where(which < a.own_change, sampler.other_style(style, content), style)
        new_style, new_content = sampler.labels(batch)
        anew = (which >= a.own_change) & (which < 2 * a.own_change)
        style, content = torch.where(anew, new_style, style), torch.where(anew, new_content, content)
        missing = ~sampler.has(style, content)
        style, content = torch.where(missing, new_style, style), torch.where(missing, new_content, content)
        windows, distance = sampler.continuing(self.history[rows], style, content)
        self._style[rows], self._content[rows], self._rows = style, content, rows
        if a.own_drop > 0:
            # Trained at once more, since they are there; but their rollouts have lost all likeness to the data.
            self.depth[rows[distance > torch.quantile(distance, 1 - a.own_drop)]] = a.own_windows
        return windows

    def moved(self, features: Tensor, which: Tensor) -> None:
        """Moves the states drawn last on by a window.

        Args:
            features: (B, 16, 206) the network's windows, not normalised.
            which: (B,) bool, which of them are good enough to go on from.
        """
        rows = self._rows[which]
        features = consistent(features[which])
        self.history[rows] = rebase(features[:, -HISTORY:], root_of(features, -1))
        self.depth[rows] += 1

    def _restart(self, rows: Tensor) -> None:
        if len(rows):
            self.history[rows], self._style[rows], self._content[rows] = self._sampler.begin(len(rows))
            self.depth[rows] = 0


def describe(frames: Tensor) -> Tensor:
    """(B, 49) what two states must share to be joined, of the last two frames (B, 2, 206) of a history."""
    joints = torch.tensor(_MATCH_JOINTS, device=frames.device)
    # The last frame is the canonical frame's origin; a few centimetres of root motion do not turn the first one much.
    positions = frames[..., POSITIONS].unflatten(-1, (JOINTS, 3))
    pose = positions[:, :, joints].flatten(2) * 10
    speed = (frames[:, 1, :2] - frames[:, 0, :2]).norm(dim=-1, keepdim=True) * 10
    return _weighted(pose[:, 1], pose[:, 1] - pose[:, 0], positions[:, 1, 0, 1:2] * 10, speed, frames[:, 1, CONTACTS])


def _weighted(pose: Tensor, velocity: Tensor, height: Tensor, speed: Tensor, contacts: Tensor) -> Tensor:
    return torch.cat((pose, velocity * 6, height, speed * 12, contacts * 1.5), dim=-1)


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
    return _weighted(pose, velocity, positions[:, 0, 1:2] * 10, speed, store.frames[:, CONTACTS.start - 1 :])


def rotation_limits(store: FrameStore) -> tuple[Tensor, Tensor]:
    """Lowest and highest 6D components (132,) in the training frames, the outermost in a thousand left out."""
    six = store.frames[:: max(1, len(store.frames) // 50_000), ROTATIONS.start - 1 : ROTATIONS.stop - 1]
    ordered = six.sort(dim=0).values
    edge = max(1, len(ordered) // 2000)
    return ordered[edge], ordered[-edge - 1]
