"""Measures of restyling on clips whose answers are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.model.rigs import Rig, build, t_posed, walking
from tests.model.steppers import clip_of, walk

from strut_model.bundle import load_bundle
from strut_model.bvh import format_bvh
from strut_model.clip import Clip
from strut_model.edit.operators import Tempo, apply_operators
from strut_model.evaluation.restyling import contact_hits, measure_files, write_report
from strut_model.restyle.fast import StudentSampler
from strut_model.streaming.engine import OnnxEngine
from strut_model.streaming.generator import MotionGenerator


@pytest.fixture(scope="module")
def clip() -> Clip:
    return clip_of(walk(200), "walk", "walk")


def late(clip: Clip, frames: int) -> Clip:
    """The clip some frames later, its first frame held until then."""
    at = np.maximum(np.arange(clip.frames) - frames, 0)
    return replace(clip, pelvis=clip.pelvis[at], rotations=clip.rotations[at], contacts=clip.contacts[at])


def test_contacts_are_hit_within_two_frames_and_no_further(clip: Clip) -> None:
    assert np.mean(contact_hits(clip, clip)) == 1.0
    assert np.mean(contact_hits(clip, late(clip, 2))) > 0.9
    assert np.mean(contact_hits(clip, late(clip, 4))) < 0.1


def test_another_tempo_loses_contacts(clip: Clip) -> None:
    faster = apply_operators(clip, [Tempo(1.3)]).clip
    assert np.mean(contact_hits(clip, faster)) < 0.6


def test_files_are_run_on_their_own_rigs_and_broken_ones_counted(tmp_path: Path) -> None:
    text = format_bvh(build(Rig(size=1.15), t_posed(walking(50))))
    (tmp_path / "a.bvh").write_text(text, encoding="utf-8")
    (tmp_path / "b.bvh").write_text(text, encoding="utf-8")
    short = format_bvh(build(Rig(size=1.15), t_posed(walking(3))))
    (tmp_path / "c.bvh").write_text(short, encoding="utf-8")
    bundle = load_bundle()
    sampler = StudentSampler(MotionGenerator(bundle, OnnxEngine(bundle)))
    figures = measure_files(sorted(tmp_path.glob("*.bvh")), bundle, sampler, ["proud"], 10.0)
    assert (figures["files"], figures["failed"]) == (3.0, 1.0)
    assert all(np.isfinite(value) and value >= 0 for value in figures.values())


def test_a_report_has_every_figure_once(tmp_path: Path) -> None:
    text = write_report({"restyled": {"style": 0.5, "path": 1.0}, "source": {"style": 0.9}}, {"seed": 1}, tmp_path)
    assert text.splitlines()[2:] == ["| style | 0.500 | 0.900 |", "| path | 1.000 |  |"]
    assert (tmp_path / "restyle.json").is_file()
