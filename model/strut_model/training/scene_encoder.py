"""Training of the scene encoder: descriptors and motions in scenes to one space, beside style and content.

Symmetric InfoNCE pairs a motion's code with its scene's (Radford et al. 2021), for each body part and the whole;
both are classified by preset (the head is dropped afterwards); codes of motions share as little as may be with style
and content codes (squared cross-correlation over the batch, as in the motion encoder); and the effects of a scene
(logarithms of its factors, its amounts) are a linear function of its code, so that alpha times the code stands for the
effects at alpha.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from strut_model.nn.encoder import MotionEncoder
from strut_model.nn.network import STYLE_DIM
from strut_model.nn.scene import DescriptorEncoder, SceneEncoder, SceneEncoderConfig
from strut_model.scene.descriptor import SceneDescriptor
from strut_model.scene.effects import FACTORS, effects_of
from strut_model.scene.presets import presets
from strut_model.scene.synthesis import draw_scene
from strut_model.skeleton import PARTS
from strut_model.training import checkpoint
from strut_model.training.config import from_mapping, to_mapping
from strut_model.training.dataset import FrameStore
from strut_model.training.encoder import encoder_features, load_encoder
from strut_model.training.progress import Progress

KIND = "strut-scene-encoder"
EFFECT_SCALES: dict[str, float] = {
    "step_length": 0.2,
    "cadence": 0.2,
    "wading": 0.3,
    "narrowing": 1.0,
    "step_width": 0.05,
    "clearance": 0.1,
    "sink": 0.1,
    "knee_flexion": 10.0,
    "trunk_lean": 8.0,
    "trunk_side": 8.0,
    "sway": 5.0,
    "arm_abduction": 20.0,
    "elbow_flexion": 20.0,
    "gaze": 10.0,
    "slips": 4.0,
    "ceiling": 0.4,
}
"""What counts as 1 of each effect; of factors, of their logarithms."""
LEFT_OUT = ("sink",)
"""What codes do not tell: the run time lowers the feet, and a network that knew would do so again."""
_UPRIGHT = 1.95
"""Metres of free height below which people stoop, about."""


@dataclass(frozen=True)
class SceneEncoderTraining:
    """How the scene encoder is trained.

    Attributes:
        network: its size.
        samples: clips' crops to see in all.
        batch: crops a batch.
        descriptors: descriptors a batch, drawn over the whole space, whose effects are regressed.
        crop, crops: frames of a crop, and how many are taken of a clip.
        learning_rate: of AdamW, a cosine to zero.
        temperature: of InfoNCE.
        contrast_weight, class_weight, orthogonality_weight, effect_weight: of the losses.
        seed: of everything random.
    """

    network: SceneEncoderConfig = field(default_factory=SceneEncoderConfig)
    samples: int = 600_000
    batch: int = 256
    descriptors: int = 512
    crop: int = 60
    crops: int = 4
    learning_rate: float = 2e-3
    temperature: float = 0.1
    contrast_weight: float = 0.5
    class_weight: float = 0.5
    orthogonality_weight: float = 0.5
    effect_weight: float = 4.0
    seed: int = 4


def effect_codes(scene: SceneDescriptor) -> NDArray[np.float32]:
    """(16,) the effects of a scene at alpha 1, each in its own scale; alpha times them stands for those at alpha."""
    effects = effects_of(scene)
    codes = []
    for name, scale in EFFECT_SCALES.items():
        value = float(getattr(effects, name))
        if name in FACTORS:
            value = float(np.log(value))
        elif name == "ceiling":
            value = max(0.0, _UPRIGHT - value)
        codes.append(value / scale)
    return np.array(codes, np.float32)


def train_scene_encoder(
    pack: Path, split: Path, scenes: Path, encoder: Path, out: Path, config: SceneEncoderTraining
) -> Path:
    """Trains the scene encoder; returns its checkpoint ``out/scene_encoder.pt``.

    Args:
        pack, split: the data set and its split.
        scenes: a folder made by ``strut scene synthesise``.
        encoder: checkpoint of the motion encoder.
        out: folder of checkpoint and logs.
        config: how.
    """
    path = out / "scene_encoder.pt"
    torch.manual_seed(config.seed)
    rng = np.random.default_rng(config.seed)
    trunk = load_encoder(encoder)
    model = SceneEncoder(config.network, trunk)
    store = FrameStore(pack, split, scenes=scenes)
    crops = _Crops.of(store, trunk, config)
    names = list(presets())
    vectors = torch.from_numpy(np.stack([presets()[name].descriptor.vector() for name in names]).astype(np.float32))
    drawn = [draw_scene(rng) for _ in range(20_000)]
    drawn += [preset.descriptor for preset in presets().values()] * 20
    space = torch.from_numpy(np.stack([scene.vector() for scene in drawn]).astype(np.float32))
    effects = torch.from_numpy(np.stack([effect_codes(scene) for scene in drawn]))
    classify = nn.Linear(PARTS * STYLE_DIM, len(names))
    regress = nn.Linear(PARTS * STYLE_DIM, len(EFFECT_SCALES), bias=False)
    parameters = [*model.parameters(), *classify.parameters(), *regress.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=1e-3)
    steps = max(1, config.samples // config.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    labels = torch.cdist(crops.vector, vectors).min(dim=1)
    named = labels.values < 1e-3
    with Progress("scene encoder", config.samples, 0, out / "logs" / "scene_encoder") as progress:
        for _ in range(steps):
            rows = torch.randint(0, len(crops.alpha), (config.batch,))
            motion = model.heads(crops.pooled[rows])
            scene = model.descriptor(crops.vector[rows])
            same = (crops.vector[rows][:, None] - crops.vector[rows]).abs().amax(-1) < 1e-4
            some = torch.randint(0, len(space), (config.descriptors,))
            code = model.descriptor(space[some])
            of_presets = model.descriptor(vectors)
            losses = {
                "contrast": _contrast(motion, scene, same, config.temperature),
                "class": nn.functional.cross_entropy(classify(of_presets.flatten(1)), torch.arange(len(names))),
                "orthogonality": _overlap(motion, crops.content[rows]) + _overlap(motion, crops.style[rows]),
                "effect": (regress(code.flatten(1)) - effects[some]).square().mean(),
                # Codes are of about the styles' length.
                "length": (of_presets.square().sum(-1).mean() - 1).square(),
            }
            known = named[rows]
            if bool(known.any()):
                guess = classify(motion.flatten(1)[known])
                losses["class"] = losses["class"] + nn.functional.cross_entropy(guess, labels.indices[rows][known])
            losses["total"] = (
                config.contrast_weight * losses["contrast"]
                + config.class_weight * losses["class"]
                + config.orthogonality_weight * losses["orthogonality"]
                + config.effect_weight * losses["effect"]
                + losses["length"]
            )
            optimizer.zero_grad(set_to_none=True)
            losses["total"].backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            schedule.step()
            progress.update(config.batch, {k: v.detach() for k, v in losses.items()})
    leave_out(model.descriptor, space, effects, LEFT_OUT)
    state: dict[str, Any] = {"model": model.state_dict(), "config": to_mapping(config), "seen": config.samples}
    checkpoint.save(path, KIND, state)
    return path


@torch.no_grad()
def leave_out(descriptor: DescriptorEncoder, space: Tensor, effects: Tensor, names: tuple[str, ...]) -> None:
    """Takes effects out of the codes, in place: places that differ in these alone get one code.

    With effects e = R z (least squares over the space) and the directions P = C R' (R C R')^-1 by which codes with
    covariance C change with each effect and no other, z becomes (1 - P_i R_i) z for each effect i, which is a change
    of the last layer.

    Args:
        descriptor: trained.
        space: (N, 20) descriptors' vectors.
        effects: (N, 16) their effects, as ``effect_codes`` gives them.
        names: of the effects to be left out.
    """
    codes = descriptor(space).flatten(1).double()
    covariance = codes.T @ codes / len(codes)
    ridge = 1e-5 * torch.eye(len(covariance), dtype=torch.float64)
    readout = torch.linalg.solve(covariance + ridge, codes.T @ effects.double() / len(codes)).T
    ways = covariance @ readout.T @ torch.linalg.pinv(readout @ covariance @ readout.T)
    last = descriptor.layers[-1]
    assert isinstance(last, nn.Linear)
    for name in names:
        index = list(EFFECT_SCALES).index(name)
        kept = torch.eye(len(covariance), dtype=torch.float64) - torch.outer(ways[:, index], readout[index])
        last.weight.copy_((kept @ last.weight.double()).float())
        last.bias.copy_((kept @ last.bias.double()).float())


@dataclass(frozen=True)
class _Crops:
    """Clips' crops: pooled trunk (N, 6, P), style and content codes (N, 64), scenes (N, 20), alphas (N,)."""

    pooled: Tensor
    style: Tensor
    content: Tensor
    vector: Tensor
    alpha: Tensor

    @staticmethod
    @torch.no_grad()
    def of(store: FrameStore, trunk: MotionEncoder, config: SceneEncoderTraining) -> _Crops:
        segments = torch.nonzero((store.alpha > 0) & (store.length >= 16))[:, 0]
        rows: list[tuple[Tensor, ...]] = []
        for block in segments.split(64):
            for number in range(config.crops):
                length = int(min(config.crop, int(store.length[block].min())))
                room = (store.length[block] - length).float()
                first = store.start[block] + (room * number / max(config.crops - 1, 1)).long()
                features = encoder_features(store.gather(first, length))
                _, style, content, _ = trunk(features)
                # A clip's scene shows to the degree of its alpha; direction is what the contrast compares.
                rows.append((trunk.pooled(features), style, content, store.scene[block], store.alpha[block]))
        return _Crops(*(torch.cat(column) for column in zip(*rows, strict=True)))


def _contrast(motion: Tensor, scene: Tensor, same: Tensor, temperature: float) -> Tensor:
    """Symmetric InfoNCE between codes (B, 5, 64) of motions and of their scenes, mean over parts and the whole."""
    unit = nn.functional.normalize
    pairs = [(motion[:, i], scene[:, i]) for i in range(PARTS)] + [(motion.flatten(1), scene.flatten(1))]
    share = same / same.sum(1, keepdim=True)
    total = motion.new_zeros(())
    for a, b in pairs:
        logits = unit(a, dim=-1) @ unit(b, dim=-1).T / temperature
        total = total + nn.functional.cross_entropy(logits, share) + nn.functional.cross_entropy(logits.T, share)
    return total / (2 * len(pairs))


def _overlap(scene: Tensor, other: Tensor) -> Tensor:
    """Mean squared cross-covariance of normalised scene codes (B, 5, 64) with other unit codes (B, 64)."""
    codes = nn.functional.normalize(scene.flatten(1), dim=-1)
    codes, other = codes - codes.mean(0), other - other.mean(0)
    return (codes.T @ other / len(codes)).square().sum() * other.shape[1]


def load_descriptor(path: Path) -> DescriptorEncoder:
    """The trained way from descriptors to codes, for use.

    Raises:
        CheckpointError: see ``checkpoint.load``.
    """
    state = checkpoint.load(path, KIND)
    model = DescriptorEncoder(from_mapping(SceneEncoderTraining, state["config"]).network)
    prefix = "descriptor."
    model.load_state_dict(
        {k.removeprefix(prefix): v.float() for k, v in state["model"].items() if k.startswith(prefix)}
    )
    return model.eval().requires_grad_(False)


def descriptor_arrays(descriptor: DescriptorEncoder) -> dict[str, NDArray[np.float32]]:
    """What a bundle keeps of it: ``scene_weight_I`` (in, out) and ``scene_bias_I`` (out,) of each layer."""
    arrays = {}
    for number, layer in enumerate(descriptor.layers):
        assert isinstance(layer, nn.Linear)
        arrays[f"scene_weight_{number}"] = layer.weight.detach().T.contiguous().numpy()
        arrays[f"scene_bias_{number}"] = layer.bias.detach().numpy()
    return arrays
