"""Scenes through a server whose student knows them: nothing at alpha 0, one after another, on any replica."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
from google.rpc import code_pb2
from tests.bundles import grafted_bundle
from tests.server.messages import Stream, controls, details, generate, history_from, motion_of, request

from strut_model.bundle import load_bundle
from strut_model.motion import Motion
from strut_model.scene.effects import effects_of
from strut_model.scene.encoding import SceneEncoder
from strut_model.scene.presets import preset
from strut_model.skeleton import CONTACT_JOINTS, CONTACT_REST_HEIGHTS
from strut_proto.v1 import (
    controls_pb2,
    motion_service_pb2,
    scene_service_pb2,
    scene_service_pb2_grpc,
    style_service_pb2,
)
from strut_proto.v1 import style_service_pb2_grpc as styles_grpc
from strut_server.local import LocalServer, local_server
from strut_server.settings import ServerSettings

Scene = controls_pb2.SceneControl
SNOW = Scene(preset="deep-snow")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real student, with scenes."""
    shipped = load_bundle()
    if shipped.manifest.scene_dim is not None:
        return shipped.path
    return grafted_bundle(shipped.path, tmp_path_factory.mktemp("bundle") / "grafted")


@pytest.fixture(scope="module")
def knowing(path: Path) -> Iterator[LocalServer]:
    with local_server(ServerSettings(port=0, bundle=path)) as running:
        yield running


@pytest.fixture(scope="module")
def replica(path: Path) -> Iterator[LocalServer]:
    with local_server(ServerSettings(port=0, bundle=path)) as running:
        yield running


def asked(
    scene: Scene | None, character: int = 1, sequence: int = 1, **fields: object
) -> motion_service_pb2.WindowRequest:
    message = controls(ahead=1.2)
    if scene is not None:
        message.scene.CopyFrom(scene)
    # On a path with times of its own a scene does not change the speed, so that paths are the same.
    message.trajectory.timing = controls_pb2.TRAJECTORY_TIMING_FIXED
    fields = {"start_frame": 16 * (sequence - 1), **fields}
    return request(character=character, sequence=sequence, controls=message, **fields)


def played(server: LocalServer, scenes: list[Scene | None], character: int = 1) -> list[motion_service_pb2.Window]:
    """Windows one after another, each in its scene."""
    with Stream(server.address) as stream:
        return [
            stream.window(asked(scene, character, number, continues=number - 1 if number > 1 else None))
            for number, scene in enumerate(scenes, 1)
        ]


def lowest(motion: Motion) -> np.ndarray:
    """(T,) metres from the surface up to the lowest of the joints that can be in contact, where it rests."""
    return (motion.positions()[:, CONTACT_JOINTS, 1] - CONTACT_REST_HEIGHTS).min(axis=-1)


def test_at_alpha_0_the_motion_is_that_without_a_scene_bit_for_bit(knowing: LocalServer) -> None:
    # Two windows, so that what is remembered counts, too.
    for preset_name in ("deep-snow", "ice", "storm-wind"):
        scene = Scene(preset=preset_name, alpha=0.0)
        plain, none = played(knowing, [None, None]), played(knowing, [scene, scene])
        assert [window.frames for window in plain] == [window.frames for window in none]
        assert [window.foot_locks for window in plain] == [window.foot_locks for window in none]


def test_at_alpha_0_it_is_so_in_company_that_is_in_scenes(knowing: LocalServer) -> None:
    company = [asked(None, character=number) for number in range(2, 9)]
    in_scenes = [asked(Scene(preset=name), character=number) for number, name in enumerate(_NAMES, 2)]
    plain = generate(knowing.address, [asked(None), *company])
    mixed = generate(knowing.address, [asked(Scene(preset="ice", alpha=0.0)), *in_scenes])
    assert plain[0].timing.batch_size == mixed[0].timing.batch_size == 8
    assert plain[0].window.frames == mixed[0].window.frames
    # What the others do is another thing.
    assert all(a.window.frames != b.window.frames for a, b in zip(plain[1:], mixed[1:]))


_BELOW = [0, 1, 2, 4, 5, 7, 8, 10, 11]
"""Pelvis and legs."""
_NAMES = ("ice", "deep-snow", "low-tunnel", "storm-wind", "dark", "rubble", "rain")


def test_a_padded_batch_is_in_its_scenes_too(knowing: LocalServer) -> None:
    # 17 windows are padded to 18, 16 are not.
    windows = [asked(Scene(preset=_NAMES[number % 7]), character=number + 1) for number in range(17)]
    some, all_of_them = generate(knowing.address, windows[:16]), generate(knowing.address, windows)
    for one, other in zip(some, all_of_them):
        moved = np.abs(motion_of(one.window).positions() - motion_of(other.window).positions()).max()
        assert moved < 1e-3


def test_a_scene_shows_and_is_in_the_model(knowing: LocalServer) -> None:
    (plain,), (icy,) = played(knowing, [None]), played(knowing, [Scene(preset="ice")])
    assert np.abs(motion_of(plain).positions() - motion_of(icy).positions()).max() > 1e-3
    (reply,) = generate(knowing.address, [asked(Scene(preset="ice"))])
    assert motion_service_pb2.WARNING_CODE_SCENE_NOT_IN_MODEL not in [warning.code for warning in reply.warnings]
    with Stream(knowing.address) as stream:
        assert motion_service_pb2.CAPABILITY_SCENE in stream.hello.capabilities


def test_who_starts_in_snow_stands_in_it_and_who_comes_into_it_sinks_in(knowing: LocalServer) -> None:
    sink = effects_of(preset("deep-snow").descriptor).sink
    (first,) = played(knowing, [SNOW])
    # Network and locks keep the lowest foot at its rest height; on screen it is deeper by the sink.
    np.testing.assert_allclose(lowest(motion_of(first))[:8], -sink, atol=0.06)
    assert first.foot_locks.scene.sunk == pytest.approx(sink, abs=1e-5)
    windows = played(knowing, [None, SNOW, SNOW, SNOW])
    depth = [window.foot_locks.scene.sunk for window in windows]
    assert depth[0] == 0 < depth[1] < depth[2] <= sink + 1e-4
    assert depth[3] == pytest.approx(sink, abs=1e-3)
    assert all(-lock.position.y > 0.5 * sink - 0.12 for lock in windows[3].foot_locks.locks)
    motion = Motion.concatenate([motion_of(window) for window in windows])
    steps = np.abs(np.diff(motion.positions()[:, :, 1], axis=0)).max(axis=1)
    assert steps[15] < 2 * np.delete(steps, 15).max()  # where the snow begins nothing pops


def test_out_of_the_snow_all_is_as_if_it_had_not_been(knowing: LocalServer) -> None:
    windows = played(knowing, [SNOW, None, None, None, None])
    state = windows[-1].foot_locks.scene
    assert (state.sunk, state.sinking, list(state.codes)) == (0, 0, [])
    assert abs(np.median(lowest(motion_of(windows[-1])))) < 0.04


@pytest.mark.parametrize("end", [16, 8])
def test_another_replica_goes_on_in_the_middle_of_a_change(
    knowing: LocalServer, replica: LocalServer, end: int
) -> None:
    (_, changing) = played(knowing, [Scene(preset="ice"), SNOW], character=3)
    with Stream(knowing.address) as stream:
        stream.window(asked(Scene(preset="ice"), 3))
        stream.window(asked(SNOW, 3, 2, continues=1))
        here = stream.window(asked(SNOW, 3, 3, continues=2, start_frame=16 + end))
    history = history_from(changing, end)
    there = generate(replica.address, [asked(SNOW, 3, start_frame=16 + end, history=history)])[0].window
    moved = np.abs(motion_of(here).positions() - motion_of(there).positions()).max()
    if end == 16:
        assert changing.foot_locks.scene.codes
        assert moved < 1e-4
    else:  # Inside of a window the client knows no state: it is in the snow at once, and nothing pops.
        last = motion_of(changing).positions()[end - 1]
        steps = [np.abs(motion_of(window).positions()[0] - last).max() for window in (here, there)]
        assert steps[1] < steps[0] + 0.03


def test_scenes_go_over_into_one_another(knowing: LocalServer) -> None:
    """After one window in another scene the state is between the two, after three it is there."""
    windows = played(knowing, [Scene(preset="ice"), SNOW, SNOW, SNOW])
    ice, snow = (preset(name).descriptor.vector() for name in ("ice", "deep-snow"))
    codes = [np.array(window.foot_locks.scene.codes) for window in windows]
    np.testing.assert_allclose(codes[0], ice, atol=1e-6)
    np.testing.assert_allclose(codes[1], snow + (ice - snow) * np.exp(-16 / 6), atol=1e-4)
    np.testing.assert_array_equal(codes[3], snow)


def test_a_scene_is_encoded_and_its_vector_asked_for(knowing: LocalServer, path: Path) -> None:
    with grpc.insecure_channel(knowing.address) as channel:
        stub = scene_service_pb2_grpc.SceneServiceStub(channel)
        vector = stub.EncodeScene(scene_service_pb2.EncodeSceneRequest(preset="crowd")).vector
    expected = SceneEncoder(load_bundle(path)).encode(preset("crowd").descriptor)
    np.testing.assert_allclose(np.array(vector.values).reshape(5, 64), expected, rtol=1e-6)
    (named,), (given,) = played(knowing, [Scene(preset="crowd")]), played(knowing, [Scene(vector=vector)])
    # What is done to arms, trunk and feet is the server's to add to a scene whose quantities it knows; in a crowd that
    # is nothing below the waist.
    found = motion_of(given).positions()
    np.testing.assert_array_equal(motion_of(named).positions()[:, _BELOW], found[:, _BELOW])
    (plain,) = played(knowing, [None])
    assert np.abs(motion_of(plain).positions()[:, _BELOW] - found[:, _BELOW]).max() > 1e-3


def test_wind_is_met_by_who_faces_it(knowing: LocalServer) -> None:
    """The same walk and the same wind, all turned by a quarter: the same motion."""

    def window(x: float, z: float, heading: float, wind: tuple[float, float]) -> Motion:
        message = asked(Scene(scene_descriptor=controls_pb2.SceneDescriptor()), place=(0, 0, heading))
        message.controls.scene.scene_descriptor.wind.x, message.controls.scene.scene_descriptor.wind.z = wind
        message.controls.trajectory.samples[0].position.x = x
        message.controls.trajectory.samples[0].position.z = z
        return motion_of(generate(knowing.address, [message])[0].window)

    ahead, turned = window(0, 1.2, 0, (0, -15)), window(1.2, 0, np.pi / 2, (-15, 0))
    np.testing.assert_allclose(turned.pelvis, ahead.pelvis, atol=1e-4)
    behind = window(0, 1.2, 0, (0, 15))
    assert np.abs(behind.pelvis - ahead.pelvis).max() > 1e-3


def test_a_preset_with_a_scene_is_stored_and_a_wrong_one_refused(knowing: LocalServer) -> None:
    with grpc.insecure_channel(knowing.address) as channel:
        stub = styles_grpc.StyleServiceStub(channel)
        kept = style_service_pb2.Preset(name="winter", scene=Scene(preset="deep-snow", alpha=0.7))
        saved = stub.SavePreset(style_service_pb2.SavePresetRequest(preset=kept)).preset
        assert saved.scene == kept.scene
        kept.scene.alpha = 3
        with pytest.raises(grpc.RpcError) as caught:
            stub.SavePreset(style_service_pb2.SavePresetRequest(preset=kept))
    assert "preset.scene.alpha" in caught.value.details()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [("sunk", 2.0, "0 to 1 metres"), ("sinking", -3.0, "-1 to 1"), ("alpha", 9.0, "0 to 1.5")],
)
def test_a_state_that_no_server_made_is_refused(knowing: LocalServer, field: str, value: float, words: str) -> None:
    (window,) = played(knowing, [SNOW])
    history = history_from(window)
    setattr(history.foot_locks.scene, field, value)
    with Stream(knowing.address) as stream:
        error = stream.error(asked(SNOW, 1, 2, history=history))
    reason, _, violations = details(error)
    assert (error.code, reason) == (code_pb2.INVALID_ARGUMENT, "INVALID_FIELD")
    assert words in violations[f"timeline.history.foot_locks.scene.{field}"]


@pytest.mark.parametrize("codes", [[1000.0] * 20, [float("nan")] * 20, [0.0] * 65])
def test_codes_that_no_server_made_are_refused_and_others_are_obeyed(knowing: LocalServer, codes: list[float]) -> None:
    (window,) = played(knowing, [SNOW])
    history = history_from(window)
    history.foot_locks.scene.codes[:] = codes
    with Stream(knowing.address) as stream:
        error = stream.error(asked(SNOW, 1, 2, history=history))
        assert any("scene.codes" in field for field in details(error)[2])
        # At the limit, from a server that knows other quantities, and with nothing at all.
        for sequence, allowed in enumerate(([16.0] * 40, [-16.0] * 7, []), 3):
            history.foot_locks.scene.codes[:] = allowed
            stream.window(asked(SNOW, 1, sequence, start_frame=16, history=history))


def test_a_vector_of_the_wrong_size_is_refused(knowing: LocalServer) -> None:
    with Stream(knowing.address) as stream:
        error = stream.error(asked(Scene(vector=controls_pb2.SceneVector(values=[0.0] * 20))))
    assert "320" in details(error)[2]["controls.scene.vector.values"]
