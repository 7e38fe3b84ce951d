"""Sampling from the teacher: guided predictions, one deterministic step, and classifier guidance in style space."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from strut_model.nn.network import Denoiser
from strut_model.training.mixing import StyleMixes


def guided_prediction(
    network: Denoiser,
    noisy: Tensor,
    t: Tensor,
    inputs: dict[str, Tensor],
    guidance: Tensor,
    bfloat16: bool = False,
    mixes: StyleMixes | None = None,
) -> Tensor:
    """The teacher's clean window under classifier-free guidance with separate weights (Ho & Salimans 2022).

    x = f(none) + w_content (f(content) - f(none)) + w_style (f(content, style) - f(content)).

    Args:
        network: the teacher.
        noisy: (B, 16, 206) x_t.
        t: (B,) noise levels.
        inputs: the conditions, as the network takes them.
        guidance: (B, 2) weights of style and content; 1 and 1 is the plain conditional prediction.
        bfloat16: automatic mixed precision.
        mixes: rows that are asked for something between two styles; ``inputs`` need not hold it.
    """
    batch = len(noisy)
    tripled = {name: torch.cat((value, value, value)) for name, value in inputs.items()}
    tripled["style"][: 2 * batch] = 0
    tripled["content"][:batch] = 0
    tripled["phase"][:batch] = 0
    if mixes is not None:
        tripled["style"][2 * batch + mixes.rows] = mixes.base
    with torch.autocast(noisy.device.type, torch.bfloat16, enabled=bfloat16):
        out = network(
            noisy=torch.cat((noisy, noisy, noisy)),
            time=torch.cat((t, t, t)),
            guidance=torch.cat((guidance, guidance, guidance)),
            **tripled,
        )
    none, content, both = out.float().chunk(3)
    if mixes is not None:
        rows = mixes.rows
        with torch.autocast(noisy.device.type, torch.bfloat16, enabled=bfloat16):
            own = {**{name: value[rows] for name, value in inputs.items()}, "style": mixes.other}
            other = network(noisy=noisy[rows], time=t[rows], guidance=guidance[rows], **own).float()
        both = both.index_copy(0, rows, mixes.between(both[rows], other))
    style_weight, content_weight = guidance[:, 0, None, None], guidance[:, 1, None, None]
    return none + content_weight * (content - none) + style_weight * (both - content)


def step_towards(noisy: Tensor, clean: Tensor, t: Tensor, s: Tensor) -> Tensor:
    """The deterministic step (DDIM, Song et al. 2021) from noise level t (B,) to s (B,) given the clean prediction."""
    t, s = t[:, None, None], s[:, None, None]
    noise = (noisy - (1 - t) * clean) / t.clamp(min=1e-4)
    return (1 - s) * clean + s * noise


def sample_teacher(
    network: Denoiser,
    noise: Tensor,
    inputs: dict[str, Tensor],
    guidance: Tensor,
    steps: int = 8,
    style_gradient: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """A window from pure noise in ``steps`` deterministic steps.

    Args:
        network: the teacher.
        noise: (B, 16, 206).
        inputs: the conditions.
        guidance: (B, 2).
        steps: evaluations (each of three conditions).
        style_gradient: classifier guidance (Dhariwal & Nichol 2021): from the clean prediction to the direction in
            which its style code comes nearer to the wanted one, already scaled; see ``style_guidance``.
    """
    x = noise
    levels = torch.linspace(1, 0, steps + 1, device=noise.device)
    for i in range(steps):
        t, s = levels[i].expand(len(x)), levels[i + 1].expand(len(x))
        with torch.no_grad():
            clean = guided_prediction(network, x, t, inputs, guidance)
        if style_gradient is not None:
            clean = clean + levels[i] * style_gradient(clean)
        x = step_towards(x, clean, t, s)
    return x


def style_guidance(codes_of: Callable[[Tensor], Tensor], wanted: Tensor, scale: float) -> Callable[[Tensor], Tensor]:
    """The gradient of the style similarity for ``sample_teacher``.

    Args:
        codes_of: differentiable, from normalised windows (B, 16, 206) to part codes (B, 5, 64).
        wanted: (B, 5, 64) unit style codes.
        scale: step length in normalised units.
    """

    def gradient(clean: Tensor) -> Tensor:
        with torch.enable_grad():
            x = clean.detach().requires_grad_(True)
            similarity = (codes_of(x) * wanted).sum(-1).mean(1).sum()
            (slope,) = torch.autograd.grad(similarity, x)
        length = slope.flatten(1).norm(dim=1).clamp(min=1e-8)[:, None, None]
        return scale * slope / length

    return gradient
