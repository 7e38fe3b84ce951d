"""What a scene does to steps after the network: measured on a figure that walks, and taken off histories again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.model import steppers

from strut_model.bundle import SCENE_CLOSING, load_bundle
from strut_model.clip import Clip
from strut_model.features import WINDOW
from strut_model.motion import Motion
from strut_model.scene.measures import measure
from strut_model.scene.presets import presets
from strut_model.skeleton import CONTACT_JOINTS
from strut_model.streaming import slipping, strides
from strut_model.streaming.bearing import ARM_ABDUCTION, CLOSED, KNEES, LIFT, NARROWING, SLOWED, TRUNK_LEAN, WIDTH
from strut_model.streaming.engine import OnnxEngine
from strut_model.streaming.feet import FootLocks
from strut_model.streaming.generator import MotionGenerator
from strut_model.streaming.rollout import rollout
from strut_model.streaming.scenery import scenery_of
from strut_model.streaming.strides import Frames, Last

FRAMES = 112


def amounts(**given: float) -> np.ndarray:
    """(1, FRAMES, 10) the same in every frame."""
    out = np.zeros((1, FRAMES, len(CLOSED)), np.float32)
    for name, value in given.items():
        out[..., {"lift": LIFT, "width": WIDTH, "narrowing": NARROWING, "knees": KNEES}[name]] = value
    return out


def walking(speed: float = 1.2) -> tuple[Clip, Frames, Last]:
    """A walk as a clip, as frames of one character, and the frame before (the first, at rest)."""
    clip = steppers.clip_of(steppers.walk(FRAMES, speed), "walk", "walk")
    pelvis = clip.pelvis.astype(np.float32)
    linear = np.concatenate((pelvis[:, ::2], np.zeros((FRAMES, 1), np.float32), pelvis), axis=-1)[None]
    places = clip.positions()[0, CONTACT_JOINTS].astype(np.float32)
    return clip, Frames(clip.rotations.astype(np.float32)[None], linear), Last(places[None], pelvis[:1, ::2])


def clip_of(clip: Clip, frames: Frames) -> Clip:
    """The frames as a clip with the contacts of another."""
    return replace(clip, pelvis=frames.linear[0, :, 3:], rotations=frames.rotations[0])


def down(metres: float) -> np.ndarray:
    """(1, FRAMES) the same in every frame."""
    return np.full((1, FRAMES), metres, np.float32)


@pytest.mark.parametrize(
    ("given", "name", "change"),
    [
        ({"lift": 0.06}, "clearance", 0.06),
        ({"width": 0.06}, "step_width", 0.06),
        ({"width": 0.06}, "straddle", 0.03),
        ({"lift": 0.06}, "step_width", 0.0),
        ({"width": 0.06}, "clearance", 0.0),
    ],
)
def test_steps_change_by_what_is_asked_and_nothing_else_does(given: dict[str, float], name: str, change: float) -> None:
    clip, frames, before = walking()
    strides.put_on(frames, amounts(**given), down(0.0), before, down(0.0))
    found = measure(clip_of(clip, frames))[name] - measure(clip)[name]
    assert found == pytest.approx(change, abs=max(0.2 * change, 0.006))


@pytest.mark.parametrize(("speed", "lacking"), [(1.0, 0.0), (2.0, 0.4)])
def test_runs_get_what_they_lack_for_being_slowed_and_walks_do_not(speed: float, lacking: float) -> None:
    clip, frames, before = walking(speed)
    asked = amounts(lift=0.04)
    asked[..., SLOWED] = 0.4
    strides.put_on(frames, asked, down(0.0), before, down(0.0))
    found = measure(clip_of(clip, frames)).clearance - measure(clip).clearance
    assert found == pytest.approx(0.04 + strides.RUN_LIFT * lacking, abs=0.01)


def test_narrowed_steps_come_nearer_to_the_way_by_their_factor() -> None:
    clip, frames, before = walking()
    strides.put_on(frames, amounts(narrowing=np.log(0.4)), down(0.0), before, down(0.0))
    assert measure(clip_of(clip, frames)).straddle == pytest.approx(0.4 * measure(clip).straddle, rel=0.1)


@pytest.mark.parametrize("given", [{}, {"width": 0.08}, {"narrowing": float(np.log(0.3))}])
def test_standing_knees_bend_by_the_degrees_asked_for_whatever_the_width(given: dict[str, float]) -> None:
    clip, frames, before = walking()
    asked = amounts(knees=np.radians(12.0), **given)
    settled = np.array([[0.0, 0.0]], np.float32)
    contacts = clip.contacts.astype(np.float32)[None]
    # Windows of a whole gait cycle, one after the other, as a stream has them.
    low = []
    for start in range(0, 96, WINDOW):
        cut = slice(start, start + WINDOW)
        part = Frames(frames.rotations[:, cut], frames.linear[:, cut])
        found = strides.bend(part, contacts[:, cut], asked[:, cut], settled)
        settled = found[:, -1]
        low.append(found[0, :, 0])
    assert np.abs(np.diff(np.concatenate(low))).max() < 0.01
    strides.put_on(frames, asked, down(float(np.concatenate(low)[32:].mean())), before, down(0.0))
    assert measure(clip_of(clip, frames)).knee_flexion - measure(clip).knee_flexion == pytest.approx(12.0, abs=3.0)


def test_a_history_gives_back_what_was_put_on() -> None:
    clip, frames, before = walking()
    asked = amounts(lift=0.08, width=0.05, narrowing=np.log(0.5), knees=0.2)
    strides.put_on(frames, asked, down(0.04), before, down(0.0))
    changed = clip_of(clip, frames).positions()
    assert np.abs(changed - clip.positions()).max() > 0.05
    frames = Frames(frames.rotations, frames.linear)
    strides.take_off(frames, asked, down(0.04), down(0.0))
    off = np.linalg.norm(clip_of(clip, frames).positions() - clip.positions(), axis=-1)
    # A leg that is nearly straight is not stretched all the way (`feet.move_feet`).
    assert np.percentile(off, 95) < 4e-3
    assert off.max() < 0.05


def test_slips_are_as_many_as_asked_for_and_the_same_for_a_seed() -> None:
    count, windows = 40, 60
    landings = np.zeros((count, WINDOW, 2), bool)
    landings[:, 3, 0] = landings[:, 11, 1] = True
    rates = np.full(count, 6.0 / 1800, np.float32)
    seeds = np.arange(count, dtype=np.uint64)

    def run() -> tuple[int, np.ndarray]:
        state, slips, total = np.zeros((count, 3), np.float32), [], 0
        for window in range(windows):
            start = np.full(count, window * WINDOW, np.int64)
            new, states = slipping.drawn(landings, rates, seeds, start, state, slips)
            total += len(new)
            state = states[:, -1]
            slips = slipping.under_way(state)
        return total, state

    total, state = run()
    expected = count * windows * WINDOW * 6.0 / 1800
    assert total == pytest.approx(expected, abs=3 * np.sqrt(expected))
    again, same = run()
    assert again == total
    np.testing.assert_array_equal(state, same)


def test_only_landings_that_stand_long_enough_can_slip() -> None:
    on = np.zeros((1, WINDOW, 2), bool)
    on[0, 2:8, 0] = on[0, 2:12, 1] = on[0, 14:, 0] = True
    found = slipping.landings(on, np.array([[False, False]]))
    assert np.argwhere(found[0]).tolist() == [[2, 1], [14, 0]]


def test_a_slip_goes_on_where_the_window_before_left_it_and_is_over_in_time() -> None:
    landings = np.zeros((1, WINDOW, 2), bool)
    landings[0, 12, 1] = True
    rates = np.ones(1, np.float32)
    seed, start = np.zeros(1, np.uint64), np.zeros(1, np.int64)
    new, states = slipping.drawn(landings, rates, seed, start, np.zeros((1, 3), np.float32), [])
    assert (new[0].side, new[0].landing) == (1, 12)
    assert slipping.SHORTEST <= new[0].metres <= slipping.LONGEST
    later = slipping.under_way(states[:, -1])[0]
    assert (later.side, later.landing) == (1, 12 - WINDOW)
    assert later.metres == pytest.approx(new[0].metres)
    first = slipping.slide(new[0], np.ones(WINDOW, bool))
    then = slipping.slide(later, np.ones(WINDOW, bool))
    assert first[:14].max() == 0.0
    assert first[-1] + then[-1] == pytest.approx(new[0].metres, rel=1e-3)
    ahead = np.zeros((1, WINDOW, len(CLOSED)), np.float32)
    lowered = slipping.react([later], None, ahead)
    assert lowered[0].max() > 0.005
    assert ahead[0, :, ARM_ABDUCTION].max() > 0.1
    assert ahead[0, :, TRUNK_LEAN].min() < -0.02
    state = states[:, -1]
    for _ in range(4):
        _, states = slipping.drawn(np.zeros_like(landings), rates, seed, start, state, slipping.under_way(state))
        state = states[:, -1]
    assert slipping.under_way(state) == []


def test_a_foot_that_leaves_the_ground_loses_what_it_slid() -> None:
    slip = slipping.Slip(0, 0, 0.06, -4)
    locked = np.arange(WINDOW) < 6
    moved = slipping.slide(slip, locked)
    begun = slip.slid(np.array([-1]))[0]
    assert moved[5] == pytest.approx(0.06 - begun, rel=0.05)
    assert abs(moved[-1]) < 0.1 * moved[5]
    assert np.abs(np.diff(moved)).max() < 0.02


@pytest.fixture(scope="module")
def generator() -> MotionGenerator:
    # The shipped student: it stands when it is asked to.
    bundle = replace(load_bundle(), scene_closing=np.ones(SCENE_CLOSING, np.float32))
    return MotionGenerator(bundle, OnnxEngine(bundle))


def rolled(generator: MotionGenerator, preset: str | None, windows: int = 6) -> Motion:
    """A character that stays where it is."""
    frames = windows * WINDOW
    scenes = None if preset is None else [scenery_of(presets()[preset].descriptor)]
    path, facing = np.zeros((1, frames, 2), np.float32), np.zeros((1, frames), np.float32)
    idle = Motion.stack([generator.bundle.idle])
    return rollout(generator, idle, path, facing, *standing(generator), scenes=scenes, seed=np.array([3], np.uint64))[0]


def standing(generator: MotionGenerator) -> tuple[np.ndarray, np.ndarray]:
    """Style (1, 5, 64) and content (1, 64) of neutral standing."""
    bundle = generator.bundle
    names = [content.name for content in bundle.manifest.contents]
    return bundle.neutral[None], bundle.content_vectors[names.index("idle")][None]


def test_a_scene_that_is_left_leaves_nothing_behind(generator: MotionGenerator) -> None:
    rubble = scenery_of(presets()["rubble"].descriptor)
    frames = 14 * WINDOW
    path, facing = np.zeros((1, frames, 2), np.float32), np.zeros((1, frames), np.float32)
    found: list[FootLocks] = []

    class Recorded(MotionGenerator):
        def generate(self, requests):  # type: ignore[no-untyped-def]
            results = super().generate(requests)
            found.append(results.locks)
            return results

    rollout(
        Recorded(generator.bundle, generator.engine),
        Motion.stack([generator.bundle.idle]),
        path,
        facing,
        *standing(generator),
        scenes=lambda start: [rubble if start < 5 * WINDOW else None],
    )
    bent = [float(locks.strides[0, 0]) for locks in found]
    assert bent[4] > 0.005
    assert bent[-1] == 0.0


def test_the_end_of_a_rollout_shows_bent_knees_where_the_scene_bends_them(generator: MotionGenerator) -> None:
    plain, bent = rolled(generator, None), rolled(generator, "rubble")
    assert bent.pelvis[-1, 1] < plain.pelvis[-1, 1] - 0.005
