"""Styles between styles: what the student is taught for strengths, mixtures and styles on single parts.

The data hold whole styles only, and a network that is asked for a code between two of theirs answers as it likes. So
the answer is made from the teacher's answers to the two whole styles, as scores are composed (Liu et al. 2022,
"Compositional Visual Generation with Composable Diffusion Models"): with a share w of the way from one style to the
other, f = f(base) + w (f(other) - f(base)), for each body part's features with its own share.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from strut_model.features import FEATURES, PART_COLUMNS
from strut_model.skeleton import PARTS

MAX_STRENGTH = 1.5
"""As :data:`strut_model.streaming.controls.MAX_STRENGTH`."""
_LIMBS = ((0, 1, 1, 0, 0), (0, 0, 0, 1, 1), (1, 0, 0, 0, 0), (1, 0, 0, 1, 1), (0, 0, 0, 1, 0), (0, 0, 0, 0, 1))


@dataclass(frozen=True)
class StyleMixes:
    """The rows of a batch that are asked for something between two styles.

    Attributes:
        rows: (M,) which rows of the batch.
        base, other: (M, 5, 64) the two styles' codes.
        share: (M, 5) of each part, from 0, the base, over 1, the other, to 1.5, beyond it.
    """

    rows: Tensor
    base: Tensor
    other: Tensor
    share: Tensor

    def asked(self, style: Tensor) -> Tensor:
        """The batch's codes (B, 5, 64) as the student is given them."""
        return style.index_copy(0, self.rows, self.base + self.share[..., None] * (self.other - self.base))

    def between(self, base: Tensor, other: Tensor) -> Tensor:
        """What lies between two predictions (M, 16, 206) at every part's share."""
        return base + self._columns()[:, None] * (other - base)

    def _columns(self) -> Tensor:
        shares = torch.zeros(len(self.rows), FEATURES, device=self.share.device)
        for part, columns in enumerate(PART_COLUMNS):
            shares[:, torch.from_numpy(columns).to(shares.device)] = self.share[:, part, None]
        return shares


def draw_mixes(
    style: Tensor, prototypes: Tensor, neutral: int, strength_share: float, part_share: float
) -> StyleMixes | None:
    """Mixes for some rows of a batch; None where none was drawn.

    Args:
        style: (B, 5, 64) codes of the batch.
        prototypes: (S, 5, 64) codes of the named styles.
        neutral: index of the neutral style.
        strength_share: share of the batch that is asked for a strength between the neutral style (in a quarter of
            the cases: another one) and its own.
        part_share: share of the batch that is asked for another style on some parts.
    """
    batch, device = len(style), style.device
    which = torch.rand(batch, device=device)
    rows = torch.nonzero(which < strength_share + part_share)[:, 0]
    if len(rows) == 0:
        return None
    count = len(rows)
    graded = (which[rows] < strength_share)[:, None, None]
    another = prototypes[torch.randint(0, len(prototypes), (count,), device=device)]
    from_neutral = torch.rand(count, 1, 1, device=device) < 0.75
    own = style[rows]
    base = torch.where(graded, torch.where(from_neutral, prototypes[neutral], another), own)
    strength = torch.rand(count, 1, device=device) * MAX_STRENGTH
    limbs = torch.tensor(_LIMBS, device=device)[torch.randint(0, len(_LIMBS), (count,), device=device)]
    return StyleMixes(
        rows,
        base,
        torch.where(graded, own, another),
        torch.where(graded[..., 0], strength.expand(-1, PARTS), limbs.float()),
    )
