"""What the student is taught between two styles: the codes it is given, and the answers made of the teacher's."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from strut_model.features import FEATURES, HISTORY, PART_COLUMNS, WINDOW  # noqa: E402
from strut_model.nn.network import Denoiser, DenoiserConfig  # noqa: E402
from strut_model.skeleton import PARTS  # noqa: E402
from strut_model.training.mixing import MAX_STRENGTH, StyleMixes, draw_mixes  # noqa: E402
from strut_model.training.sampling import guided_prediction  # noqa: E402

BATCH = 6


@pytest.fixture(scope="module")
def teacher() -> Denoiser:
    torch.manual_seed(0)
    network = Denoiser(DenoiserConfig(width=32, layers=2, heads=2)).eval().requires_grad_(False)
    for parameter in network.parameters():
        parameter.data = torch.randn_like(parameter) * 0.2
    return network


def inputs(style: torch.Tensor) -> dict[str, torch.Tensor]:
    batch = len(style)
    return {
        "history": torch.randn(batch, HISTORY, FEATURES),
        "history_mask": torch.ones(batch, HISTORY),
        "trajectory": torch.randn(batch, WINDOW, 4),
        "trajectory_mask": torch.ones(batch, WINDOW, 2),
        "content": torch.randn(batch, 64),
        "phase": torch.zeros(batch, 3),
        "style": style,
    }


def mixes(share: torch.Tensor) -> StyleMixes:
    torch.manual_seed(2)
    return StyleMixes(torch.tensor([1, 4]), torch.randn(2, PARTS, 64), torch.randn(2, PARTS, 64), share)


def answer(teacher: Denoiser, given: dict[str, torch.Tensor], **kwargs: StyleMixes | None) -> torch.Tensor:
    torch.manual_seed(3)
    noisy = torch.randn(BATCH, WINDOW, FEATURES)
    return guided_prediction(teacher, noisy, torch.full((BATCH,), 0.7), given, torch.full((BATCH, 2), 1.5), **kwargs)


@pytest.mark.parametrize(("share", "end"), [(0.0, "base"), (1.0, "other")])
def test_the_ends_of_a_mix_are_the_teachers_answers_to_the_whole_styles(
    teacher: Denoiser, share: float, end: str
) -> None:
    torch.manual_seed(1)
    given = inputs(torch.randn(BATCH, PARTS, 64))
    mix = mixes(torch.full((2, PARTS), share))
    whole = {**given, "style": given["style"].index_copy(0, mix.rows, getattr(mix, end))}
    torch.testing.assert_close(answer(teacher, given, mixes=mix), answer(teacher, whole), atol=1e-4, rtol=1e-4)


def test_a_strength_lies_on_the_line_through_both_answers(teacher: Denoiser) -> None:
    torch.manual_seed(1)
    given = inputs(torch.randn(BATCH, PARTS, 64))
    none, whole, more = (
        answer(teacher, given, mixes=mixes(torch.full((2, PARTS), s)))[[1, 4]] for s in (0.0, 1.0, 1.5)
    )
    torch.testing.assert_close(more, none + 1.5 * (whole - none), atol=1e-3, rtol=1e-3)
    assert (whole - none).abs().max() > 1e-3


def test_a_style_on_the_arms_changes_their_features_and_no_others(teacher: Denoiser) -> None:
    torch.manual_seed(1)
    given = inputs(torch.randn(BATCH, PARTS, 64))
    arms = torch.tensor([[0.0, 0.0, 0.0, 1.0, 1.0]] * 2)
    none, both = (answer(teacher, given, mixes=mixes(share)) for share in (torch.zeros(2, PARTS), arms))
    changed = (both - none).abs().amax(dim=(0, 1)) > 1e-6
    columns = torch.zeros(FEATURES, dtype=torch.bool)
    columns[torch.from_numpy(PART_COLUMNS[3])] = columns[torch.from_numpy(PART_COLUMNS[4])] = True
    assert torch.equal(changed, columns)


def test_rows_without_a_mix_are_answered_as_ever(teacher: Denoiser) -> None:
    torch.manual_seed(1)
    given = inputs(torch.randn(BATCH, PARTS, 64))
    plain, mixed = answer(teacher, given), answer(teacher, given, mixes=mixes(torch.rand(2, PARTS)))
    torch.testing.assert_close(plain[[0, 2, 3, 5]], mixed[[0, 2, 3, 5]], atol=1e-5, rtol=1e-5)


def test_the_student_is_given_codes_as_far_between_as_the_answers_are() -> None:
    torch.manual_seed(4)
    style, prototypes = torch.randn(400, PARTS, 64), torch.randn(5, PARTS, 64)
    drawn = draw_mixes(style, prototypes, neutral=2, strength_share=0.3, part_share=0.2)
    assert drawn is not None
    assert 120 < len(drawn.rows) < 280
    assert drawn.share.min() >= 0
    assert drawn.share.max() <= MAX_STRENGTH
    asked = drawn.asked(style)
    others = torch.ones(400, dtype=torch.bool)
    others[drawn.rows] = False
    torch.testing.assert_close(asked[others], style[others])
    graded = (drawn.share == drawn.share[:, :1]).all(dim=1) & (drawn.share[:, 0] % 1 != 0)
    torch.testing.assert_close(drawn.other[graded], style[drawn.rows][graded])
    neutral = (drawn.base[graded] == prototypes[2]).flatten(1).all(dim=1).float().mean()
    assert 0.6 < neutral < 0.95
    parted = ~graded
    torch.testing.assert_close(drawn.base[parted], style[drawn.rows][parted])
    torch.testing.assert_close(
        asked[drawn.rows][parted],
        torch.where(drawn.share[parted][..., None] > 0, drawn.other[parted], drawn.base[parted]),
    )


def test_no_share_draws_no_mix() -> None:
    assert draw_mixes(torch.randn(8, PARTS, 64), torch.randn(3, PARTS, 64), 0, 0.0, 0.0) is None
