"""Controls become smooth arrays, or an error that names field, value and range."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests import bundles as tiny

from strut_model.bundle import Bundle, load_bundle
from strut_model.skeleton import FPS
from strut_model.streaming.controls import (
    JOIN_ACCELERATION,
    ControlError,
    PartStyle,
    SampledPath,
    StyleMix,
    Trajectory,
    complete_times,
    content_vector,
    gesture_phase,
    stack_trajectories,
    style_vector,
    trajectory_samples,
    usual_speed,
)

FRAME_TIMES = np.arange(16) / FPS


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return load_bundle(tiny.tiny_bundle(Path(tmp_path_factory.mktemp("bundle"))))


def sampled(
    trajectory: Trajectory | None,
    position: tuple[float, float] = (0.0, 0.0),
    heading: float = 0.0,
    velocity: tuple[float, float] = (0.0, 0.0),
    **options: np.ndarray,
) -> SampledPath:
    root = np.array([position])
    checked = None if trajectory is None else trajectory.checked()
    paths = stack_trajectories([checked], root, [1.3])
    return trajectory_samples(paths, root, np.array([heading]), np.array([velocity]), **options)


def line(speed: float, seconds: float = 3.0, count: int = 31) -> Trajectory:
    times = np.linspace(0, seconds, count)
    return Trajectory(times=times, positions=np.stack((0 * times, speed * (times + 1 / FPS)), axis=1))


def test_a_character_on_its_path_at_its_speed_is_asked_to_go_on() -> None:
    path = sampled(line(1.2), velocity=(0.0, 1.2))
    np.testing.assert_allclose(path.positions[0, :, 0], 0, atol=1e-6)
    np.testing.assert_allclose(path.positions[0, :, 1], 1.2 * (FRAME_TIMES + 1 / FPS), atol=1e-3)
    np.testing.assert_allclose(path.headings, 0, atol=1e-6)
    assert path.position_mask.all()
    assert path.heading_mask.all()


def test_a_character_nearly_on_its_path_is_back_on_it_within_the_window() -> None:
    path = sampled(line(1.2), position=(0.04, 0.0), velocity=(0.0, 1.2))
    assert abs(path.positions[0, -1, 0]) < 0.001


def test_a_character_off_its_path_is_led_onto_it_smoothly() -> None:
    path = sampled(line(1.2), position=(0.3, 0.1), velocity=(0.0, 1.2))
    ground = np.concatenate(([[0.3, 0.1 - 1.2 / FPS], [0.3, 0.1]], path.positions[0]))
    acceleration = np.diff(ground, 2, axis=0) * FPS**2
    assert np.abs(acceleration).max() < 1.05 * JOIN_ACCELERATION[0]
    assert path.positions[0, 0, 0] > 0.28
    assert 0 <= path.positions[0, -1, 0] < 0.1


def test_a_standing_character_gathers_speed_instead_of_jumping() -> None:
    path = sampled(line(1.5))
    speeds = np.diff(np.concatenate(([[0.0, 0.0]], path.positions[0])), axis=0)[:, 1] * FPS
    assert speeds[0] < 0.6
    assert (np.diff(speeds[:8]) > 0).all()
    assert speeds[-1] > 1.2


def test_a_path_that_ends_inside_the_window_is_eased_to_a_stop_there() -> None:
    path = sampled(Trajectory(times=np.array([0.25]), positions=np.array([[0.0, 0.3]])), velocity=(0.0, 1.0))
    ground = np.concatenate(([0.0], path.positions[0, :, 1]))
    speeds = np.diff(ground) * FPS
    assert abs(ground[-1] - 0.3) < 0.03
    assert abs(speeds[-1]) < 0.15
    assert np.abs(np.diff(speeds)).max() < 0.35


def test_a_corner_is_rounded() -> None:
    corner = Trajectory(times=np.array([0.25, 1.25]), positions=np.array([[0.0, 0.3], [1.2, 0.3]]))
    path = sampled(corner, velocity=(0.0, 1.2))
    turn = np.abs(np.diff(np.unwrap(path.headings[0])))
    assert path.headings[0, 0] < 0.3
    assert path.headings[0, -1] > 0.8
    assert turn.max() < 0.25


def test_speed_alone_runs_along_the_direction_of_travel() -> None:
    path = sampled(Trajectory(speeds=np.array([2.0])), heading=0.3, velocity=(2.0, 0.0))
    np.testing.assert_allclose(path.positions[0, :, 0], 2.0 * (FRAME_TIMES + 1 / FPS), atol=2e-2)
    np.testing.assert_allclose(path.positions[0, :, 1], 0, atol=1e-6)


def test_speed_alone_runs_along_the_facing_of_who_stands() -> None:
    path = sampled(Trajectory(speeds=np.array([1.0])), heading=np.pi / 2)
    assert path.positions[0, -1, 0] > 0.3
    assert abs(path.positions[0, -1, 1]) < 1e-6


def test_speed_nought_stops_the_character() -> None:
    path = sampled(Trajectory(speeds=np.array([0.0])), velocity=(0.0, 1.0))
    speeds = np.diff(path.positions[0, :, 1]) * FPS
    assert speeds[0] > 0.5
    assert (np.diff(speeds) < 0).all()
    assert 0 <= speeds[-1] < 0.1  # it does not step back either
    assert path.position_mask.all()


def test_speed_and_facing_walk_in_the_asked_direction() -> None:
    path = sampled(Trajectory(speeds=np.array([1.5]), headings=np.array([1.0])))
    way = path.positions[0, -1] - path.positions[0, -4]
    assert abs(np.arctan2(way[0], way[1]) - 1.0) < 0.25
    assert abs(path.headings[0, -1] - 1.0) < 0.2


def test_a_facing_alone_leaves_the_path_free() -> None:
    path = sampled(Trajectory(headings=np.array([2.0]), times=np.array([0.4])))
    assert not path.position_mask.any()
    assert path.heading_mask.all()
    assert path.headings[0, -1] > 1.0


def test_facings_turn_the_short_way_round() -> None:
    path = sampled(Trajectory(headings=np.array([-3.0]), times=np.array([0.3])), heading=3.0)
    gone = (path.headings[0] - 3.0 + np.pi) % (2 * np.pi) - np.pi
    assert (gone >= -1e-6).all()
    assert gone.max() < 0.3


def test_missing_facings_follow_the_direction_of_travel() -> None:
    sideways = Trajectory(times=np.array([0.0, 2.0]), positions=np.array([[0.05, 0.0], [3.0, 0.0]]))
    path = sampled(sideways, heading=np.pi / 2, velocity=(1.5, 0.0))
    np.testing.assert_allclose(path.headings, np.pi / 2, atol=0.02)


def test_a_content_that_walks_backwards_keeps_its_back_to_the_path() -> None:
    path = sampled(line(1.0), heading=np.pi, velocity=(0.0, 1.0), facing_offset=np.array([np.pi]))
    np.testing.assert_allclose(np.abs(path.headings), np.pi, atol=0.02)


def test_who_stands_keeps_the_own_facing() -> None:
    path = sampled(Trajectory(times=np.array([1.0]), positions=np.array([[0.0, 0.0]])), heading=1.2)
    np.testing.assert_allclose(path.headings, 1.2, atol=1e-6)
    np.testing.assert_allclose(path.positions, 0, atol=1e-6)


def test_a_last_sample_with_a_speed_goes_on_past_the_end() -> None:
    end = Trajectory(times=np.array([0.2]), positions=np.array([[0.0, 0.28]]), speeds=np.array([1.2]))
    path = sampled(end, velocity=(0.0, 1.2))
    np.testing.assert_allclose(path.positions[0, -1, 1], 1.2 * 16 / FPS, atol=0.02)


def test_a_speed_after_the_last_place_counts_as_well() -> None:
    nowhere = [np.nan, np.nan]
    end = Trajectory(
        times=np.array([0.2, 0.4]), positions=np.array([[0.0, 0.28], nowhere]), speeds=np.array([np.nan, 1.2])
    )
    path = sampled(end, velocity=(0.0, 1.2))
    np.testing.assert_allclose(path.positions[0, -1, 1], 1.2 * 16 / FPS, atol=0.02)


def test_no_trajectory_leaves_everything_free_beside_others_that_have_one() -> None:
    root, still = np.zeros((2, 2)), np.zeros(2)
    paths = stack_trajectories([None, line(1.0).checked()], root, [1.0, 1.0])
    path = trajectory_samples(paths, root, still, np.zeros((2, 2)))
    assert not path.position_mask[0].any()
    assert not path.heading_mask[0].any()
    assert path.position_mask[1].all()
    assert not sampled(None).position_mask.any()


def test_a_path_is_sampled_the_same_alone_and_among_others() -> None:
    trajectories = [
        line(1.0).checked(),
        Trajectory(speeds=np.array([2.0])).checked(),
        Trajectory(headings=np.array([1.0, np.nan]), positions=np.array([[np.nan, np.nan], [1.0, 1.0]])).checked(),
        None,
    ]
    root = np.array([[0.0, 0.0], [5.0, 1.0], [0.2, 0.1], [3.0, 3.0]])
    heading, velocity = np.array([0.0, 1.0, -1.0, 2.0]), np.array([[0, 1.0], [1.0, 0], [0, 0], [0.5, 0.5]])
    together = trajectory_samples(stack_trajectories(trajectories, root, np.full(4, 1.3)), root, heading, velocity)
    for row, trajectory in enumerate(trajectories):
        one = slice(row, row + 1)
        paths = stack_trajectories([trajectory], root[one], [1.3])
        alone = trajectory_samples(paths, root[one], heading[one], velocity[one])
        np.testing.assert_allclose(alone.positions[0], together.positions[row], atol=1e-6)
        np.testing.assert_allclose(alone.headings[0], together.headings[row], atol=1e-6)
        np.testing.assert_array_equal(alone.position_mask[0], together.position_mask[row])


def test_missing_times_follow_from_speeds_and_distances() -> None:
    path = Trajectory(positions=np.array([[0.0, 2.0], [0.0, 5.0]]), speeds=np.array([2.0, 3.0])).checked()
    np.testing.assert_allclose(complete_times(path, np.zeros(2), 1.0), [1.0, 2.0])
    unspecified = Trajectory(positions=np.array([[0.0, 2.0], [0.0, 5.0]])).checked()
    np.testing.assert_allclose(complete_times(unspecified, np.zeros(2), 1.5), [2 / 1.5, 5 / 1.5])


def test_untimed_samples_share_the_time_up_to_a_timed_one_by_distance() -> None:
    path = Trajectory(
        times=np.array([np.nan, np.nan, 2.0]), positions=np.array([[0.0, 1.0], [0.0, 3.0], [0.0, 4.0]])
    ).checked()
    times = complete_times(path, np.zeros(2), 1.0)
    whole = 2.0 + 1 / FPS
    np.testing.assert_allclose(times + 1 / FPS, [whole / 4, 3 * whole / 4, whole], atol=1e-6)


@pytest.mark.parametrize(
    ("trajectory", "field"),
    [
        (Trajectory(), r"trajectory\.samples: 0"),
        (Trajectory(speeds=np.array([np.inf])), r"trajectory\.samples\[0\]\.speed: inf"),
        (Trajectory(speeds=np.array([1.0, -0.5])), r"trajectory\.samples\[1\]\.speed: -0\.5 .* 0 to 12"),
        (Trajectory(speeds=np.array([13.0])), r"trajectory\.samples\[0\]\.speed: 13 .* 0 to 12 metres a second"),
        (Trajectory(times=np.array([1.0, 0.5]), speeds=np.ones(2)), r"samples\[1\]\.time: 0\.5 .* later than 1"),
        (Trajectory(times=np.array([-1.0]), speeds=np.ones(1)), r"samples\[0\]\.time: -1"),
        (Trajectory(times=np.array([0.5])), r"samples\[0\]: 'empty' .* a position, a facing or a speed"),
        (Trajectory(positions=np.array([[0.0, 2e5]])), r"samples\[0\]\.position\.z: 200000"),
        (Trajectory(positions=np.array([[0.0, np.nan]])), r"samples\[0\]\.position: .* both x and z"),
        (Trajectory(times=np.array([0.0, 0.1]), positions=np.array([[0, 0], [0, 3.0]])), r"30 metres a second"),
        (Trajectory(headings=np.array([1e4])), r"samples\[0\]\.facing: 10000"),
        (Trajectory(times=np.ones(2), speeds=np.ones(3)), r"trajectory\.speeds: \(3,\) .* shape \(2,\)"),
        (Trajectory(speeds=np.ones(300)), r"trajectory\.samples: 300 .* 1 to 256"),
    ],
)
def test_a_bad_trajectory_is_refused_naming_field_value_and_range(trajectory: Trajectory, field: str) -> None:
    with pytest.raises(ControlError, match=field):
        trajectory.checked()


def test_a_control_error_holds_its_parts() -> None:
    with pytest.raises(ControlError) as caught:
        Trajectory(speeds=np.array([99.0])).checked("controls.trajectory")
    assert caught.value.field == "controls.trajectory.samples[0].speed"
    assert caught.value.value == 99.0
    assert caught.value.allowed == "0 to 12 metres a second"


def test_a_single_style_is_its_own_vector_at_full_strength(bundle: Bundle) -> None:
    vector, weight = style_vector(bundle, StyleMix([("active", 3.0)]))
    np.testing.assert_allclose(vector, bundle.style_vectors[1], atol=1e-6)
    assert weight == 2.0


def test_no_style_and_strength_nought_are_the_neutral_style(bundle: Bundle) -> None:
    np.testing.assert_allclose(style_vector(bundle, StyleMix())[0], bundle.neutral, atol=1e-6)
    np.testing.assert_allclose(style_vector(bundle, StyleMix([("elderly", 1)], 0.0))[0], bundle.neutral, atol=1e-6)


def test_half_strength_lies_half_way_to_the_neutral_style(bundle: Bundle) -> None:
    vector, weight = style_vector(bundle, StyleMix([("elderly", 1.0)], strength=0.5))
    np.testing.assert_allclose(vector, (bundle.neutral + bundle.style_vectors[2]) / 2, atol=1e-6)
    assert weight == 2.0


def test_more_than_full_strength_goes_beyond_the_style(bundle: Bundle) -> None:
    vector, weight = style_vector(bundle, StyleMix([("elderly", 1.0)], strength=1.25))
    np.testing.assert_allclose(vector, 1.25 * bundle.style_vectors[2] - 0.25 * bundle.neutral, atol=1e-6)
    assert weight == 2.0


def test_a_mix_has_the_length_of_a_style(bundle: Bundle) -> None:
    vector, _ = style_vector(bundle, StyleMix([("active", 1.0), (bundle.style_vectors[3], 3.0)]))
    np.testing.assert_allclose(np.linalg.norm(vector, axis=1), bundle.style_norms, rtol=1e-5)
    direction = 0.25 * bundle.style_vectors[1] + 0.75 * bundle.style_vectors[3]
    cosine = (vector * direction).sum(axis=1) / np.linalg.norm(vector, axis=1) / np.linalg.norm(direction, axis=1)
    np.testing.assert_allclose(cosine, 1, atol=1e-5)


def test_body_parts_take_their_own_style_and_strength(bundle: Bundle) -> None:
    mix = StyleMix(
        [("active", 1.0)],
        parts={"left_arm": PartStyle([("elderly", 1.0)]), "right_leg": PartStyle(strength=0.0), "torso": PartStyle()},
    )
    vector, weight = style_vector(bundle, mix)
    np.testing.assert_allclose(vector[0], bundle.style_vectors[1, 0], atol=1e-6)
    np.testing.assert_allclose(vector[3], bundle.style_vectors[2, 3], atol=1e-6)
    np.testing.assert_allclose(vector[2], bundle.neutral[2], atol=1e-6)
    assert weight == 2.0
    stronger, _ = style_vector(bundle, StyleMix([("active", 1.0)], parts={"torso": PartStyle(strength=1.5)}))
    np.testing.assert_allclose(
        stronger[0] - bundle.neutral[0], 1.5 * (bundle.style_vectors[1, 0] - bundle.neutral[0]), rtol=1e-4, atol=1e-5
    )


def test_styles_the_bundle_lacks_are_looked_up(bundle: Bundle) -> None:
    stored = {"mine": np.full((5, 64), 0.5, np.float32)}
    vector, _ = style_vector(bundle, StyleMix([("mine", 1.0)]), lookup=stored.__getitem__)
    np.testing.assert_allclose(vector, 0.5, atol=1e-6)
    with pytest.raises(ControlError, match=r"style\.components\[0\]\.name: 'other'"):
        style_vector(bundle, StyleMix([("other", 1.0)]), lookup=stored.__getitem__)


@pytest.mark.parametrize(
    ("mix", "message"),
    [
        (StyleMix([("angry", 1.0)]), r"style\.components\[0\]\.name: 'angry' .* normal, active, elderly, youthful"),
        (StyleMix([("active", -1.0)]), r"style\.components\[0\]\.weight: -1 .* 0 to 1000"),
        (StyleMix([("active", 0.0)]), r"style\.components\.weight: \[0\.0\] .* at least one above 0"),
        (StyleMix([("active", 1.0)], strength=1.6), r"style\.strength: 1\.6 .* 0 to 1\.5"),
        (StyleMix([("active", 1.0)], strength=float("nan")), r"style\.strength: nan"),
        (StyleMix([(np.zeros((4, 64), np.float32), 1.0)]), r"style\.components\[0\]\.vector: \(4, 64\) .* \(5, 64\)"),
        (StyleMix([(np.full((5, 64), np.nan, np.float32), 1.0)]), r"style\.components\[0\]\.vector: nan"),
        (StyleMix(parts={"tail": PartStyle()}), r"style\.parts: 'tail' .* torso, left_leg"),
        (StyleMix(parts={"torso": PartStyle(strength=2.0)}), r"style\.parts\[torso\]\.strength: 2"),
    ],
)
def test_a_bad_style_is_refused_naming_field_value_and_range(bundle: Bundle, mix: StyleMix, message: str) -> None:
    with pytest.raises(ControlError, match=message):
        style_vector(bundle, mix)


def test_contents_are_found_by_name_or_given_as_a_code(bundle: Bundle) -> None:
    np.testing.assert_array_equal(content_vector(bundle, "run"), bundle.content_vectors[1])
    np.testing.assert_array_equal(content_vector(bundle, np.ones(64, np.float32)), 1)
    np.testing.assert_array_equal(content_vector(bundle, None), 0)
    with pytest.raises(ControlError, match=r"content\.label: 'fly' .* walk, run, wave, idle"):
        content_vector(bundle, "fly")
    with pytest.raises(ControlError, match=r"content\.code: \(3,\) .* shape \(64,\)"):
        content_vector(bundle, np.ones(3, np.float32))


def test_only_gestures_have_a_phase(bundle: Bundle) -> None:
    np.testing.assert_array_equal(gesture_phase(bundle, "walk", 0.5), 0)
    np.testing.assert_allclose(gesture_phase(bundle, "wave"), [0, 1 / 60, 1])
    np.testing.assert_allclose(gesture_phase(bundle, "wave", 0.25, duration=4.0), [0.25, 1 / 120, 1])
    np.testing.assert_allclose(gesture_phase(bundle, "wave", 0.5, hold=True), [0.5, 0, 1])
    with pytest.raises(ControlError, match=r"content\.gesture\.phase: 1\.5 .* 0 to 1"):
        gesture_phase(bundle, "wave", 1.5)
    with pytest.raises(ControlError, match=r"content\.gesture\.duration: 0\.1 .* 0\.2 to 30 seconds"):
        gesture_phase(bundle, "wave", duration=0.1)


def test_usual_speeds_come_from_the_data_or_a_moderate_guess(bundle: Bundle) -> None:
    assert usual_speed(bundle, "active", "run") == pytest.approx(2.8)
    assert usual_speed(bundle, None, "walk") == pytest.approx(1.2)
    assert usual_speed(bundle, "active", "wave") == 1.0
    assert usual_speed(bundle, "active", None) == 1.0
