"""Style vectors compared part by part, and the styles that a clip is near to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from tests.model.rigs import Rig, build, walking

from strut_model.bundle import load_bundle
from strut_model.bvh import format_bvh
from strut_model.references import clip_of_bvh, style_of_clips
from strut_model.styles.commands import style
from strut_model.styles.vectors import nearest, part_cosine, part_cosines


def test_cosines_are_taken_part_by_part_whatever_the_lengths() -> None:
    a = np.zeros((1, 5, 64), np.float32)
    b = np.zeros((2, 5, 64), np.float32)
    a[..., 0] = 3.0
    b[0, :, 0] = 1.0
    b[1, :3, 0], b[1, 3:, 1] = 5.0, 5.0
    np.testing.assert_allclose(part_cosines(a, b)[0], [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    np.testing.assert_allclose(part_cosine(a, b), [[1.0, 0.6]], rtol=1e-6)
    assert nearest(a[0], ["same", "half"], b) == [("same", pytest.approx(1.0)), ("half", pytest.approx(0.6))]
    assert nearest(a[0], ["half", "same"], b[::-1])[0][0] == "same"


def test_the_command_says_which_styles_a_clip_is_near_to(tmp_path: Path) -> None:
    file = tmp_path / "walk.bvh"
    file.write_text(format_bvh(build(Rig(), walking(120))))
    result = CliRunner().invoke(style, ["nearest", str(file), "--count", "3", "--parts"])
    assert result.exit_code == 0, result.output
    bundle = load_bundle()
    vector = style_of_clips([clip_of_bvh(file.read_text(), "walk", {})], bundle.encoder_path)
    wanted = nearest(vector, list(bundle.style_index), bundle.style_vectors)
    lines = result.output.splitlines()
    assert [line.split()[0] for line in lines[:3]] == [name for name, _ in wanted[:3]]
    assert lines[0].split()[1] == f"{wanted[0][1]:.2f}"
    assert [line.split(":")[0] for line in lines[3:]] == ["torso", "left_leg", "right_leg", "left_arm", "right_arm"]
    (tmp_path / "no.bvh").write_text("HIERARCHY")
    refused = CliRunner().invoke(style, ["nearest", str(tmp_path / "no.bvh")])
    assert refused.exit_code == 1
    assert "no.bvh" in refused.output
