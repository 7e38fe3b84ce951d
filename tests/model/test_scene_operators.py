"""Operators on whole clips: what each moves, by how much, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pytest
from tests.model.steppers import clip_of, stand, walk

from strut_model.clip import Clip
from strut_model.scene import legs, posture, slips
from strut_model.scene.apply import apply_effects, apply_scene
from strut_model.scene.descriptor import SceneDescriptor, SceneError
from strut_model.scene.effects import FACTORS, Effects, effects_of
from strut_model.scene.expectations import HIGH, LOW, expectations
from strut_model.scene.gait import Gait, stances_of
from strut_model.scene.measures import Measures, measure
from strut_model.scene.presets import preset, presets
from strut_model.skeleton import CONTACT_JOINTS

Operator = Callable[[Gait], Gait]


@pytest.fixture(scope="module")
def clip() -> Clip:
    return clip_of(walk(200), "walk", "walk")


@pytest.fixture(scope="module")
def real(clip: Clip) -> Measures:
    return measure(clip)


def changed(clip: Clip, **amounts: float) -> Measures:
    return measure(apply_effects(clip, replace(Effects(), **amounts)).clip)


def test_the_walker_measures_as_it_was_made(real: Measures) -> None:
    # Steps of half a cycle of 28 frames at .9 m/s, feet .09 m to either side.
    assert real.step_length == pytest.approx(0.42, abs=0.005)
    assert real.cadence == pytest.approx(30 / 14, rel=0.01)
    assert real.step_width == pytest.approx(0.18, abs=0.005)
    assert real.slide < 0.5


@pytest.mark.parametrize("alpha", [0.0])
@pytest.mark.parametrize("name", sorted(presets()))
def test_at_alpha_0_a_clip_stays_as_it_is_bit_for_bit(clip: Clip, name: str, alpha: float) -> None:
    edited = apply_scene(clip, preset(name).descriptor, alpha).clip
    for part in ("pelvis", "rotations", "contacts"):
        assert getattr(edited, part).tobytes() == getattr(clip, part).tobytes()
    assert edited.tags == clip.tags


def test_every_operator_gives_back_the_gait_itself_where_nothing_is_asked(clip: Clip) -> None:
    gait = Gait.of(clip)
    neutral: list[Operator] = [
        lambda g: legs.tempo(g, 1.0),
        lambda g: legs.wading_resistance(g, 1.0),
        lambda g: legs.step_length(g, 1.0),
        lambda g: legs.step_width(g, 0.0),
        lambda g: legs.narrowed_steps(g, 1.0),
        lambda g: legs.stance_sink(g, 0.0),
        lambda g: legs.foot_clearance(g, 0.0),
        lambda g: legs.knee_flexion(g, 0.0, 20.0),
        lambda g: posture.trunk_lean(g, 0.0),
        lambda g: posture.duck(g, np.inf),
        lambda g: posture.arm_abduction(g, 0.0),
        lambda g: posture.elbow_flexion(g, 0.0),
        lambda g: posture.gaze(g, 0.0),
        lambda g: slips.slip(g, []),
    ]
    assert all(operator(gait) is gait for operator in neutral)


@pytest.mark.parametrize(
    ("effect", "amounts", "measured"),
    [
        ("step_length", (0.9, 0.75, 0.5), "step_length"),
        ("cadence", (0.95, 0.85, 0.7), "cadence"),
        ("wading", (0.9, 0.75, 0.6), "cadence"),
        ("narrowing", (0.8, 0.5, 0.2), "straddle"),
        ("step_width", (0.02, 0.05, 0.1), "step_width"),
        ("clearance", (0.02, 0.08, 0.2), "clearance"),
        ("sink", (0.02, 0.1, 0.25), "sink"),
        ("knee_flexion", (3, 10, 25), "knee_flexion"),
        ("trunk_lean", (-10, -4, 6, 20), "trunk_lean"),
        ("trunk_side", (-10, 5, 12), "trunk_side"),
        ("arm_abduction", (5, 15, 40), "arm_abduction"),
        ("elbow_flexion", (10, 30, 60), "elbow_flexion"),
        ("gaze", (5, 15, 30), "gaze"),
    ],
)
def test_a_measure_moves_by_what_is_asked_and_feet_keep_standing(
    clip: Clip, real: Measures, effect: str, amounts: tuple[float, ...], measured: str
) -> None:
    for amount in amounts:
        after = changed(clip, **{effect: amount})
        wanted = real[measured] * (amount - 1) if effect in FACTORS else amount
        assert after[measured] - real[measured] == pytest.approx(wanted, rel=0.12, abs=2e-3)
        assert after.slide < 1.0


def test_what_an_operator_does_not_mean_to_move_hardly_moves(clip: Clip, real: Measures) -> None:
    after = changed(clip, trunk_lean=10.0)
    assert after.gaze == pytest.approx(real.gaze, abs=0.5)
    assert after.step_length == pytest.approx(real.step_length, abs=1e-3)
    assert after.clearance == pytest.approx(real.clearance, abs=1e-3)
    after = changed(clip, step_length=0.7)
    assert after.cadence == pytest.approx(real.cadence, rel=0.01)
    after = changed(clip, cadence=0.8)
    assert after.step_length == pytest.approx(real.step_length, rel=0.01)


def test_water_slows_a_swinging_foot_more_than_a_slower_cadence_does(clip: Clip) -> None:
    assert changed(clip, wading=0.7).swing_speed < 0.97 * changed(clip, cadence=0.7).swing_speed


def test_arms_that_are_drawn_in_do_not_go_through_the_body(clip: Clip, real: Measures) -> None:
    after = changed(clip, arm_abduction=-12.0)
    assert 0 < after.arm_abduction < real.arm_abduction


@pytest.mark.parametrize("ceiling", [1.4, 1.25])
def test_the_head_stays_below_a_ceiling(clip: Clip, real: Measures, ceiling: float) -> None:
    after = changed(clip, ceiling=ceiling)
    assert after.head_height <= ceiling
    assert after.slide < 1.0
    assert changed(clip, ceiling=3.0).head_height == real.head_height


def test_a_deck_rolls_the_trunk_in_its_period(clip: Clip) -> None:
    gait = Gait.of(clip)
    rolled = posture.trunk_lean(gait, 0.0, 0.0, sway=5.0, period=4.0)
    side = (posture.lean_angles(rolled.take) - posture.lean_angles(gait.take))[:, 1]
    wave = np.sin(2 * np.pi * np.arange(gait.frames) / 120)
    assert np.corrcoef(side, wave)[0, 1] > 0.99
    assert np.abs(side).max() == pytest.approx(5.0, rel=0.2)


@pytest.mark.parametrize("name", sorted(presets()))
def test_a_preset_moves_what_it_must_monotonically(clip: Clip, real: Measures, name: str) -> None:
    scene = preset(name).descriptor
    # Slips are events: they are drawn, and tested, by themselves.
    effects = [replace(effects_of(scene).scaled(alpha), slips=0.0) for alpha in (0.5, 1.0)]
    after = [measure(apply_effects(clip, e, alpha).clip) for e, alpha in zip(effects, (0.5, 1.0))]
    expected = expectations(scene)
    assert expected
    for expectation in expected:
        half, whole = (expectation.change(real, found) * expectation.direction for found in after)
        assert 0 < half < whole * 1.02, expectation
        if np.isfinite(expectation.amount):
            assert LOW <= expectation.share(real, after[1]) <= HIGH, expectation


def test_slips_are_drawn_by_seed_and_a_higher_rate_keeps_those_of_a_lower(clip: Clip) -> None:
    gait = Gait.of(clip_of(walk(1200), "walk", "walk"))
    few, many = slips.draw_slips(gait, 4, seed=3), slips.draw_slips(gait, 12, seed=3)
    assert few == slips.draw_slips(gait, 4, seed=3)
    assert few != slips.draw_slips(gait, 4, seed=4)
    assert 0 < len(few) <= len(many)
    assert all(slips.SHORTEST <= event.metres <= slips.LONGEST for event in many)
    assert not slips.draw_slips(gait, 0, seed=3)


def test_the_rate_of_slips_is_kept_over_many_seeds() -> None:
    gait = Gait.of(clip_of(walk(1200), "walk", "walk"))
    counts = [len(slips.draw_slips(gait, 4, seed)) for seed in range(200)]
    # 40 s at 4 a minute; recoveries, in which nobody slips, take a few.
    assert 2.0 < np.mean(counts) < 2.9


def test_a_slip_slides_its_foot_out_of_contact_and_the_body_recovers(clip: Clip) -> None:
    gait = Gait.of(clip)
    landing = next(start for start, _ in gait.stances[0] if start > 30)
    event = slips.Slip(landing, 0, 0.08)
    after = slips.slip(gait, [event])
    ankle = int(CONTACT_JOINTS[0])
    moved = (after.take.positions() - gait.take.positions())[:, ankle, 2]
    assert moved[landing] == pytest.approx(0, abs=1e-3)
    assert moved[landing + 9] == pytest.approx(0.08, abs=5e-3)
    begin = landing + slips.ONSET_FRAMES
    assert not after.contacts[begin : begin + slips.SLIDE_FRAMES, :2].any()
    height = landing + slips.REACTION_FRAMES
    arms = posture.abduction(after.take) - posture.abduction(gait.take)
    assert arms[height].min() > 15
    over = height + slips.RECOVERY_FRAMES + 2
    assert np.abs(arms[over:]).max() < 0.1
    assert np.abs(arms[:landing]).max() < 0.1


def test_standing_still_stays_possible_in_every_scene() -> None:
    idle = clip_of(stand(90), "idle", "idle")
    for entry in presets().values():
        edited = apply_scene(idle, entry.descriptor).clip
        assert np.isfinite(edited.rotations).all()
        assert measure(edited).slide < 1.0


def test_effects_of_neutral_quantities_are_none() -> None:
    assert effects_of(SceneDescriptor()).neutral
    assert effects_of(SceneDescriptor(temperature=20, footing_width=3, visibility=500)).neutral


def test_effects_scale_by_powers_and_products() -> None:
    half = Effects(step_length=0.64, gaze=10, ceiling=1.2).scaled(0.5)
    assert (half.step_length, half.gaze, half.ceiling) == (pytest.approx(0.8), 5, 1.2)
    both = Effects(cadence=0.5, gaze=2) * Effects(cadence=0.5, gaze=3, ceiling=2)
    assert (both.cadence, both.gaze, both.ceiling) == (0.25, 5, 2)
    assert {f.name for f in fields(Effects)} >= set(FACTORS)
    with pytest.raises(SceneError, match=r"alpha: is 2; allowed: 0 to 1\.5"):
        half.scaled(2)


def test_cited_effects_come_out_as_cited() -> None:
    # Hallemans et al. 2010: .84 against 1.27 m/s, 96.88 against 110.55 steps a minute.
    blind = effects_of(SceneDescriptor(visibility=0.5))
    assert blind.cadence == pytest.approx(96.88 / 110.55, abs=0.01)
    assert blind.speed == pytest.approx(0.84 / 1.27, abs=0.02)
    # Weidmann 1993 at 1.5 persons a square metre.
    assert effects_of(SceneDescriptor(crowding=1.5)).speed == pytest.approx(1 - np.exp(-1.913 * (1 / 1.5 - 1 / 5.4)))
    # Tobler 1993 at ten degrees.
    steep = np.tan(0.1745)
    assert effects_of(SceneDescriptor(slope=0.1745)).speed == pytest.approx(np.exp(-3.5 * steep), rel=1e-6)
    # Statics: drag .5 x 1.2 x .7 x 20^2 = 168 N against 75 kg.
    lean = effects_of(SceneDescriptor(wind_z=-20)).trunk_lean
    assert lean == pytest.approx(np.degrees(np.arctan(168 / (75 * 9.81))), abs=0.01)


def test_stances_close_short_gaps_and_drop_short_touches() -> None:
    contacts = np.zeros((20, 4))
    contacts[2:6, 0] = contacts[7:10, 1] = 1
    contacts[12:13, 2] = 1
    assert stances_of(contacts) == ([(2, 10)], [])


def test_a_clip_that_is_too_short_is_refused(clip: Clip) -> None:
    short = clip_of(walk(5), "short", "walk")
    with pytest.raises(ValueError, match="clip: short has 5 frames; allowed: 8 or more"):
        apply_scene(short, preset("ice").descriptor)
