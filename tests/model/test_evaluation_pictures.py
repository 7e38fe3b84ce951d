"""Pictures: which trials are shown, under which words, and what a plan's pixels say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.model.walkers import standing_motion

from strut_model.evaluation.pictures import caption, spread_over_styles, variants, write_pictures, write_plan
from strut_model.evaluation.trials import Trial
from strut_model.motion import Motion


def sample(name: str, style: str, left: float = 0.0, **notes: float | str) -> tuple[Trial, Motion]:
    """A walk straight on that is gone so many metres to the left of where it was asked."""
    asked = standing_motion(60, speed=1.0)
    trial = Trial(
        name, name, standing_motion(8), asked.root_position, asked.root_heading, (), style, "walk", "", notes=notes
    )
    return trial, asked.transformed(np.array([left, 0.0]), 0.0)


def test_each_style_is_shown_once_and_variants_stay_together() -> None:
    pairs = [sample(f"{style} {i}", style) for style in ("sad", "old", "proud") for i in range(3)]
    assert [t.name for t, _ in spread_over_styles(pairs, 2)] == ["sad 0", "proud 1"]
    strengths = [sample(style, style, strength=s) for style in ("sad", "old", "proud") for s in (0.0, 1.0)]
    shown = [(t.style, t.notes["strength"]) for t, _ in variants(strengths, 4)]
    assert shown == [("sad", 0.0), ("sad", 1.0), ("proud", 0.0), ("proud", 1.0)]


def test_captions_name_what_differs() -> None:
    assert caption("strengths", sample("a", "sad", strength=1.5)[0]) == "sad, walk, strength 1.5"
    assert caption("parts", sample("a", "sad", limbs="arms")[0]) == "sad on arms"
    assert caption("switches", sample("a", "sad", switch=48.0)[0]) == "to sad, walk at 1.6 s"
    assert caption("corners", sample("a", "sad", degrees=-90.0)[0]) == "sad, walk, -90 degrees"


def test_a_body_on_the_left_of_its_path_is_drawn_on_the_left(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = np.asarray(Image.open(write_plan(tmp_path, "student_2", "corners", [sample("a", "sad", left=1.0)])))
    below_title = picture[40:].astype(int)
    orange = (below_title[..., 0] > below_title[..., 2] + 60).nonzero()[1].mean()
    blue = (below_title[..., 2] > below_title[..., 0] + 60).nonzero()[1].mean()
    assert blue < orange - 20


def test_every_kind_that_was_rolled_out_has_its_pictures(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    samples = {"stops": [sample("a", "sad", stop=48.0)], "strengths": [sample("b", "sad", strength=0.0)], "turns": []}
    names = [path.name for path in write_pictures(tmp_path, "student_2", samples)]
    assert names == ["student_2_stops.png", "student_2_strengths.png", "student_2_stops_plan.png"]
    assert all((tmp_path / name).stat().st_size > 1000 for name in names)
