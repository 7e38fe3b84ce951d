"""What the foot lock changes, measured side by side on a bundle whose foot slides."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

from tests.bundles import tiny_bundle
from tests.model.walkers import standing_motion

from strut_model import rotations as rot
from strut_model.bundle import load_bundle
from strut_model.evaluation.commands import make_subject
from strut_model.evaluation.foot_locks import FootLockProbe, knee_angles
from strut_model.evaluation.trials import CountingGenerator
from strut_model.motion import Motion
from strut_model.skeleton import JOINT_INDEX
from strut_model.streaming.rollout import idle_history, rollout, synthetic_path


def test_a_bent_knee_has_its_angle() -> None:
    motion = standing_motion(2)
    rotations = motion.rotations.copy()
    rotations[:, JOINT_INDEX["right_knee"]] = rot.from_axis_angle(np.float32([np.radians(35), 0, 0]))
    bent = Motion(motion.root_position, motion.root_heading, motion.pelvis, rotations, motion.contacts)
    np.testing.assert_allclose(knee_angles(bent), [[0, 35]] * 2, atol=0.02)


def test_locks_hold_gliding_feet_back_and_the_answer_is_the_locked_one(tmp_path: Path) -> None:
    bundle = load_bundle(tiny_bundle(tmp_path / "bundle"))
    subject = make_subject("student_1", bundle, None, 1)
    probe = FootLockProbe(subject.generator, subject.unlocked)
    path = synthetic_path("straight", 32, speed=0.3)
    style, content = bundle.style_vectors[:1], bundle.content_vectors[:1]

    def rolled(generator: CountingGenerator) -> Motion:
        history = idle_history(generator, 1)  # type: ignore[arg-type]
        return rollout(generator, history, path.position, path.heading, style, content, steps=1)  # type: ignore[arg-type]

    made = rolled(probe)

    np.testing.assert_array_equal(made.rotations, rolled(CountingGenerator(subject.generator)).rotations)
    figures = probe.figures()
    # The pose glides on at .3 m/s while its planted feet are held.
    assert figures["lock_offset_cm"].value > 0.5
    assert probe.windows == 2
