"""Windows without a stream: the same request, the same frames."""

from __future__ import annotations

import grpc
import numpy as np
import pytest
from tests.bundles import standing
from tests.server.messages import (
    Stream,
    controls,
    generate,
    generate_one,
    history_from,
    history_of,
    largest_difference,
    motion_of,
    request,
)

from strut_model.frames import FrameEncoding
from strut_model.motion import Motion
from strut_proto.v1 import (
    geometry_pb2,
    motion_service_pb2,
    skeleton_pb2,
    style_service_pb2,
    style_service_pb2_grpc,
)
from strut_server.local import LocalServer


@pytest.mark.parametrize("encoding", list(FrameEncoding))
@pytest.mark.parametrize("steps", [1, 2, 4])
def test_the_same_request_gives_the_same_bytes_on_any_server(
    server: LocalServer, other_server: LocalServer, encoding: FrameEncoding, steps: int
) -> None:
    asked = request(start_frame=160, history=history_of(end_frame=159), controls=controls(steps=steps))
    windows = [
        generate_one(address, asked, encoding) for address in (server.address, server.address, other_server.address)
    ]
    assert windows[0] == windows[1] == windows[2]
    assert windows[0].steps == steps


def test_company_in_the_batch_changes_next_to_nothing(server: LocalServer) -> None:
    asked = request(character=1)
    alone = motion_of(generate_one(server.address, asked))
    others = [request(character=n, place=(n, 0, 1), controls=controls(ahead=None, seed=n)) for n in range(2, 30)]
    replies = generate(server.address, [*others[:13], asked, *others[13:]])
    assert [reply.character for reply in replies] == [*range(2, 15), 1, *range(15, 30)]
    assert replies[13].timing.batch_size == 29
    assert largest_difference(motion_of(replies[13].window), alone) < 1e-4


def test_the_seed_is_the_characters_number_unless_given(server: LocalServer) -> None:
    unseeded = controls(seed=None)
    one, two = (generate_one(server.address, request(character=n, controls=unseeded)) for n in (1, 2))
    given = generate_one(server.address, request(character=2, controls=controls(seed=1)))
    assert one.frames != two.frames
    assert one.frames == given.frames


def test_style_and_strength_show_in_the_frames(server: LocalServer) -> None:
    def window(style: str, strength: float) -> Motion:
        wanted = controls(style=style)
        wanted.style.strength = strength
        return motion_of(generate_one(server.address, request(controls=wanted)))

    assert largest_difference(window("active", 1.0), window("elderly", 1.0)) > 1e-5
    assert largest_difference(window("active", 0.0), window("elderly", 0.0)) == 0.0
    assert largest_difference(window("active", 0.0), window("normal", 1.0)) == 0.0


def test_a_style_can_be_given_as_a_vector_and_for_a_part(server: LocalServer) -> None:
    wanted = controls()
    named = generate_one(server.address, request(controls=wanted))
    del wanted.style.components[:]
    part = wanted.style.parts.add(part=skeleton_pb2.BODY_PART_LEFT_ARM, strength=0.5)
    part.components.add(name="elderly", weight=2.0)
    part.components.add(name="active")
    mixed = generate_one(server.address, request(controls=wanted))
    assert mixed.frames != named.frames
    vector = _stored_style(server, "active")
    wanted.style.Clear()
    wanted.style.components.add().vector.values.extend(vector)
    assert generate_one(server.address, request(controls=wanted)).frames == named.frames


def _stored_style(server: LocalServer, name: str) -> list[float]:
    with grpc.insecure_channel(server.address) as channel:
        stub = style_service_pb2_grpc.StyleServiceStub(channel)
        return list(stub.GetStyle(style_service_pb2.GetStyleRequest(name=name)).style.vector.values)


def test_a_content_can_be_given_as_a_code(server: LocalServer) -> None:
    wanted = controls()
    wanted.content.code.values.extend([0.1] * 64)
    assert generate_one(server.address, request(controls=wanted)).frames.count == 16


def test_a_teleport_works_from_a_history(server: LocalServer) -> None:
    asked = request(start_frame=16)
    teleport = motion_service_pb2.Teleport(history=history_of(end_frame=15), heading=1.0)
    teleport.position.CopyFrom(geometry_pb2.GroundPoint(x=-4.0, z=2.0))
    asked.timeline.teleport.CopyFrom(teleport)
    asked.controls.trajectory.samples[0].position.CopyFrom(geometry_pb2.GroundPoint(x=-4.0, z=2.0))
    motion = motion_of(generate_one(server.address, asked))
    np.testing.assert_allclose(motion.root_position[0], [-4.0, 2.0], atol=0.02)
    np.testing.assert_allclose(motion.root_heading[0], 1.0, atol=0.02)


def test_a_history_of_two_frames_is_enough(server: LocalServer) -> None:
    asked = request(start_frame=16, history=history_of(standing(2), 15))
    assert generate_one(server.address, asked).frames.count == 16


def test_a_history_in_another_encoding_is_taken(server: LocalServer) -> None:
    with Stream(server.address, FrameEncoding.QUAT48) as stream:
        coarse = history_from(stream.window(request()))
    window = generate_one(server.address, request(start_frame=16, history=coarse), FrameEncoding.FLOAT32)
    assert len(window.frames.data) == 16 * 380


def test_foot_locks_hold_the_standing_foot_over_the_seam(server: LocalServer) -> None:
    stay = controls("idle", ahead=None)
    first = generate_one(server.address, request(controls=stay))
    assert len(first.foot_locks.locks) == 4
    second = generate_one(server.address, request(start_frame=16, history=history_from(first), controls=stay))
    ankle = 7
    places = np.concatenate([motion_of(window).positions()[:, ankle] for window in (first, second)])
    assert np.abs(np.diff(places[8:, [0, 2]], axis=0)).max() < 1e-3
