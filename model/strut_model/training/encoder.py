"""Training of the motion encoder: style and content apart.

InfoNCE on style (van den Oord et al. 2018, in the supervised form of Khosla et al. 2020) over the whole body, each
part and segments of a clip: positives share the style in another content, negatives include the same content in
another style. Content likewise the other way round. Style and content codes are kept orthogonal (squared
cross-correlation over the batch), amplitude and tempo are supervised read-outs. Random bone lengths and rig noise
keep the actor and the rig out of the code.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from strut_model.features import ENCODER_FEATURES, POSITIONS, ROTATIONS
from strut_model.nn.encoder import EncoderConfig, MotionEncoder
from strut_model.nn.kinematics import forward_kinematics, matrix_from_six_d, six_d_from_matrix
from strut_model.skeleton import JOINTS, REST_OFFSETS
from strut_model.training import checkpoint
from strut_model.training.config import from_mapping, to_mapping
from strut_model.training.dataset import Codes, FrameStore
from strut_model.training.progress import Progress

KIND = "strut-encoder"


@dataclass(frozen=True)
class EncoderTraining:
    """How the encoder is trained.

    Attributes:
        network: its size.
        samples: windows to see in all.
        batch: clips a batch; each gives two crops, one as it is and one with other bones and a noisy rig.
        learning_rate: of AdamW, cosine to zero after a flat third.
        temperature: of InfoNCE.
        style_weight, part_weight, segment_weight, content_weight, orthogonality_weight, readout_weight: of the losses.
        bone_noise: standard deviation of the log bone lengths; half of it also scales the whole body.
        rig_noise_deg: standard deviation of a constant error of every joint, degrees.
        balance: power of the style frequencies in sampling, 0 for even.
        bfloat16: automatic mixed precision.
        checkpoint_seconds: between two checkpoints.
        seed: of everything random.
    """

    network: EncoderConfig = field(default_factory=EncoderConfig)
    samples: int = 150_000
    batch: int = 96
    learning_rate: float = 1.5e-3
    temperature: float = 0.1
    style_weight: float = 1.0
    part_weight: float = 1.0
    segment_weight: float = 0.3
    content_weight: float = 1.0
    orthogonality_weight: float = 1.0
    readout_weight: float = 0.2
    bone_noise: float = 0.06
    rig_noise_deg: float = 4.0
    balance: float = 0.2
    bfloat16: bool = True
    checkpoint_seconds: float = 60.0
    seed: int = 1


def encoder_features(frames: Tensor, offsets: Tensor | None = None, rig_noise: Tensor | None = None) -> Tensor:
    """The encoder's features (B, T, 267) of stored frames, optionally on another body.

    Args:
        frames: (B, T, 205) stored frames.
        offsets: (B, 22, 3) bone offsets, the canonical ones by default.
        rig_noise: (B, 22, 3, 3) constant rotations that are put on every joint's local rotation.
    """
    pelvis = frames[..., POSITIONS.start - 1 : POSITIONS.start + 2]
    six = frames[..., ROTATIONS.start - 1 : ROTATIONS.stop - 1].unflatten(-1, (JOINTS, 6))
    if offsets is None and rig_noise is None:
        positions = frames[..., POSITIONS.start - 1 : POSITIONS.stop - 1].unflatten(-1, (JOINTS, 3))
    else:
        matrices = matrix_from_six_d(six)
        if rig_noise is not None:
            matrices = matrices @ rig_noise[:, None]
            six = six_d_from_matrix(matrices)
        if offsets is not None:
            # Longer legs carry a higher pelvis.
            scale = offsets[:, 4].norm(dim=-1) / float(torch.from_numpy(REST_OFFSETS)[4].norm())
            pelvis = pelvis * scale[:, None, None]
        positions = forward_kinematics(matrices, pelvis, None if offsets is None else offsets[:, None])
    velocity = torch.gradient(positions, dim=1)[0] * 30.0
    joints = torch.cat((positions, six, velocity), dim=-1).flatten(-2)
    heading = frames[..., 2]
    turn = torch.remainder(heading.diff(dim=1) + math.pi, 2 * math.pi) - math.pi
    turn = torch.cat((turn[:, :1], (turn[:, 1:] + turn[:, :-1]) / 2, turn[:, -1:]), dim=1) * 30.0
    velocity = torch.gradient(frames[..., :2], dim=1)[0] * 30.0
    cosine, sine = torch.cos(heading), torch.sin(heading)
    forward = torch.stack(
        (cosine * velocity[..., 0] - sine * velocity[..., 1], sine * velocity[..., 0] + cosine * velocity[..., 1]),
        dim=-1,
    )
    return torch.cat((joints, forward, turn[..., None]), dim=-1)


def readouts(features: Tensor) -> Tensor:
    """Log amplitude and log tempo (B, 2) of windows of the encoder's features (B, T, 267).

    Amplitude is the root mean square distance (metres) of hands, feet and head from their means in the window;
    tempo (hertz) is the root mean square speed over 2 pi times the amplitude: the mean frequency of the movement.
    """
    ends = torch.tensor([10, 11, 15, 20, 21], device=features.device)
    joints = features[..., : 12 * JOINTS].unflatten(-1, (JOINTS, 12))[:, :, ends]
    positions, velocity = joints[..., :3], joints[..., 9:]
    amplitude = (positions - positions.mean(1, keepdim=True)).square().sum(-1).mean((1, 2)).sqrt().clamp(min=1e-3)
    speed = (velocity - velocity.mean(1, keepdim=True)).square().sum(-1).mean((1, 2)).sqrt().clamp(min=1e-3)
    return torch.stack((amplitude.log(), (speed / (2 * math.pi * amplitude)).log()), dim=-1)


def supervised_contrast(codes: Tensor, positive: Tensor, ignore: Tensor, temperature: float) -> Tensor:
    """Supervised InfoNCE (Khosla et al. 2020, equation 2), averaged over anchors that have a positive.

    Args:
        codes: (N, D) unit vectors.
        positive: (N, N) bool, which pairs share the label.
        ignore: (N, N) bool, pairs left out altogether (the anchor itself among them).
        temperature: of the softmax.
    """
    logits = (codes @ codes.T / temperature).masked_fill(ignore, -1e9)
    log_share = logits - torch.logsumexp(logits, dim=1, keepdim=True)
    positive = positive & ~ignore
    count = positive.sum(1)
    each = -(log_share.masked_fill(~positive, 0.0)).sum(1) / count.clamp(min=1)
    has_positive = count > 0
    # A batch without any pair teaches nothing; a mean over nothing would be NaN and stay in the weights.
    return each[has_positive].mean() if bool(has_positive.any()) else codes.sum() * 0


def _body_noise(batch: int, config: EncoderTraining, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    rest = torch.from_numpy(REST_OFFSETS)
    whole = torch.randn(batch, 1, 1, generator=generator) * config.bone_noise / 2
    # One draw for each pair of limbs, so that left and right stay alike.
    pairs = torch.tensor([0, 1, 1, 2, 3, 3, 4, 5, 5, 6, 7, 7, 8, 9, 9, 10, 11, 11, 12, 12, 13, 13])
    bones = torch.randn(batch, 14, 1, generator=generator)[:, pairs] * config.bone_noise
    angle = torch.randn(batch, JOINTS, 3, generator=generator) * math.radians(config.rig_noise_deg)
    zero = torch.zeros_like(angle[..., 0])
    x, y, z = angle.unbind(-1)
    skew = torch.stack((zero, -z, y, z, zero, -x, -y, x, zero), dim=-1).unflatten(-1, (3, 3))
    return rest * (whole + bones).exp(), torch.matrix_exp(skew)


def train_encoder(pack: Path, split: Path, out: Path, config: EncoderTraining, device: str = "cpu") -> Path:
    """Trains (or resumes) the encoder; returns its checkpoint ``out/encoder.pt``."""
    path = out / "encoder.pt"
    torch.manual_seed(config.seed)
    store = FrameStore(pack, split)
    model = MotionEncoder(config.network)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=1e-2)
    seen = 0
    resumed = None
    if path.exists():
        resumed = checkpoint.load(path, KIND)
        model.load_state_dict(resumed["model"])
    else:
        _fit_statistics(model, store)
    model.to(device)
    if resumed is not None and "optimizer" in resumed:
        optimizer.load_state_dict(resumed["optimizer"])
        seen = int(resumed["seen"])
    generator = torch.Generator().manual_seed(config.seed + seen)
    weights = store.segment_weights(config.balance, 60)
    target_mean, target_std = _readout_statistics(store, weights, generator)

    def save(final: bool) -> None:
        state = {"model": model.state_dict(), "seen": seen, "config": to_mapping(config)}
        if not final:
            state["optimizer"] = optimizer.state_dict()
        checkpoint.save(path, KIND, state)

    last = time.monotonic()
    with Progress("encoder", config.samples, seen, out / "logs" / "encoder") as progress:
        while seen < config.samples:
            share = seen / config.samples
            rate = config.learning_rate * (
                1.0 if share < 0.33 else 0.5 * (1 + math.cos(math.pi * (share - 0.33) / 0.67))
            )
            for group in optimizer.param_groups:
                group["lr"] = rate
            segments = torch.multinomial(weights, config.batch, replacement=True, generator=generator).repeat(2)
            length = int(torch.randint(0, 3, (1,), generator=generator)) * 14 + 32
            room = store.length[segments] - length
            first = store.start[segments] + (torch.rand(len(segments), generator=generator) * (room + 1)).long()
            frames = store.gather(first, length).to(device)
            offsets, rig_noise = _body_noise(config.batch, config, generator)
            losses = _losses(
                model,
                frames,
                offsets.to(device),
                rig_noise.to(device),
                store.style[segments].to(device),
                store.content[segments].to(device),
                segments.to(device),
                target_mean,
                target_std,
                config,
            )
            optimizer.zero_grad(set_to_none=True)
            losses["total"].backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            seen += config.batch
            progress.update(config.batch, {k: v.detach() for k, v in losses.items()})
            if time.monotonic() - last > config.checkpoint_seconds:
                save(final=False)
                last = time.monotonic()
    save(final=True)
    return path


def _losses(
    model: MotionEncoder,
    frames: Tensor,
    offsets: Tensor,
    rig_noise: Tensor,
    style: Tensor,
    content: Tensor,
    segment: Tensor,
    target_mean: Tensor,
    target_std: Tensor,
    config: EncoderTraining,
) -> dict[str, Tensor]:
    with torch.no_grad():
        target = (readouts(encoder_features(frames)) - target_mean.to(frames)) / target_std.to(frames)
        half = len(frames) // 2
        features = torch.cat((encoder_features(frames[:half]), encoder_features(frames[half:], offsets, rig_noise)))
    with torch.autocast(frames.device.type, torch.bfloat16, enabled=config.bfloat16):
        codes = model(features)
    parts, whole, content_code, read = (code.float() for code in codes)
    same_style = style[:, None] == style
    same_content = content[:, None] == content
    own = torch.eye(len(style), dtype=torch.bool, device=style.device)
    same_segment = (segment[:, None] == segment) & ~own
    temperature = config.temperature
    # The same style in the same content says nothing about style apart from content: neither positive nor negative.
    ignore = own | (same_style & same_content)
    losses = {"style": supervised_contrast(whole, same_style, ignore, temperature)}
    losses["part"] = torch.stack(
        [supervised_contrast(parts[:, i], same_style, ignore, temperature) for i in range(parts.shape[1])]
    ).mean()
    losses["segment"] = supervised_contrast(whole, same_segment, own, temperature)
    losses["content"] = supervised_contrast(content_code, same_content, own | (same_style & same_content), temperature)
    centred = content_code - content_code.mean(0)
    losses["orthogonality"] = torch.stack(
        [((c - c.mean(0)).T @ centred / len(c)).square().sum() for c in (*parts.unbind(1), whole)]
    ).mean() * len(centred.T)
    losses["readout"] = torch.nn.functional.mse_loss(read, target)
    losses["total"] = (
        config.style_weight * losses["style"]
        + config.part_weight * losses["part"]
        + config.segment_weight * losses["segment"]
        + config.content_weight * losses["content"]
        + config.orthogonality_weight * losses["orthogonality"]
        + config.readout_weight * losses["readout"]
    )
    return losses


@torch.no_grad()
def _fit_statistics(model: MotionEncoder, store: FrameStore) -> None:
    picks = torch.linspace(0, len(store.frames) - 33, 4000).long()
    features = encoder_features(store.gather(picks, 32)).view(-1, ENCODER_FEATURES)
    model.mean.copy_(features.mean(0))
    model.std.copy_(features.std(0).clamp(min=0.02))


@torch.no_grad()
def _readout_statistics(store: FrameStore, weights: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    segments = torch.multinomial(weights, 2000, replacement=True, generator=generator)
    values = readouts(encoder_features(store.gather(store.start[segments], 60)))
    return values.mean(0), values.std(0)


def load_encoder(path: Path) -> MotionEncoder:
    """The trained encoder of a checkpoint, for use.

    Raises:
        CheckpointError: see ``checkpoint.load``.
    """
    state = checkpoint.load(path, KIND)
    model = MotionEncoder(from_mapping(EncoderTraining, state["config"]).network)
    model.load_state_dict({k: v.float() for k, v in state["model"].items()})
    return model.eval().requires_grad_(False)


@torch.no_grad()
def encode_segments(model: MotionEncoder, store: FrameStore, crop: int = 60, crops: int = 6) -> tuple[Tensor, Tensor]:
    """Style codes (segments, 5, 64) and content codes (segments, 64): means over crops, renormalised."""
    style = torch.zeros(len(store.length), 5, 64)
    content = torch.zeros(len(store.length), 64)
    for length in (crop, 32, 16):
        chosen = torch.nonzero((store.length >= length) & (content.abs().sum(-1) == 0))[:, 0]
        # An empty tensor splits into one empty block, which has no codes.
        blocks = chosen.split(256) if len(chosen) else ()
        for i in range(crops):
            for block in blocks:
                room = (store.length[block] - length).float()
                first = store.start[block] + (room * i / max(crops - 1, 1)).long()
                parts, _, code, _ = model(encoder_features(store.gather(first, length)))
                style[block] += parts
                content[block] += code
    unit = torch.nn.functional.normalize
    return unit(style, dim=-1), unit(content, dim=-1)


@torch.no_grad()
def compute_codes(model: MotionEncoder, store: FrameStore) -> Codes:
    """Codes of every training segment, and the named styles and contents as the means of their real clips' codes."""
    style, content = encode_segments(model, store)
    # A style or content of which there are synthetic clips only is named by those.
    real = ~store.synthetic
    unit = torch.nn.functional.normalize
    styles, contents = len(store.style_names), len(store.content_names)
    prototypes = torch.zeros(styles, 5, 64)
    for index in range(styles):
        # A mean over contents of the means within a content, so that the frequent ones do not rule the style.
        own = store.style == index
        own = own & real if bool((own & real).any()) else own
        means = [
            style[own & (store.content == c)].mean(0)
            for c in range(contents)
            if bool((own & (store.content == c)).any())
        ]
        prototypes[index] = torch.stack(means).mean(0)
    content_rows = [store.content == c for c in range(contents)]
    content_rows = [own & real if bool((own & real).any()) else own for own in content_rows]
    content_prototypes = torch.stack([content[own].mean(0) for own in content_rows])
    return Codes(
        style,
        content,
        store.style_names,
        unit(prototypes, dim=-1),
        store.content_names,
        unit(content_prototypes, dim=-1),
    )
