"""Styles and presets made over real connections: of mixes, of clips, by one server and seen by another."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import grpc
import numpy as np
import pytest
from google.rpc import code_pb2
from grpc_status import rpc_status
from tests.model.rigs import Rig, build, walking
from tests.server.messages import TIMEOUT, details, generate_one, request
from tests.server.processes import ServerProcess

from strut_model.bundle import load_bundle
from strut_model.bvh import format_bvh
from strut_model.references import clip_of_bvh, style_of_clips
from strut_model.styles.dimensions import dimensions_of, turned
from strut_proto.v1 import controls_pb2, operation_pb2, skeleton_pb2, style_service_pb2, style_service_pb2_grpc
from strut_server import style_making
from strut_server.local import LocalServer, local_server
from strut_server.settings import ServerSettings

CLIP, MIX = style_service_pb2.STYLE_SOURCE_CLIP, style_service_pb2.STYLE_SOURCE_MIX
Stub = style_service_pb2_grpc.StyleServiceStub
Header = style_service_pb2.CreateStyleHeader


@pytest.fixture(scope="module")
def maker(bundle_path: Path) -> Iterator[LocalServer]:
    """A server whose styles the tests of this module change."""
    settings = ServerSettings(port=0, bundle=bundle_path, max_upload_bytes=4 << 20, max_styles_per_owner=50)
    with local_server(settings) as running:
        yield running


@pytest.fixture
def stub(maker: LocalServer) -> Iterator[Stub]:
    with grpc.insecure_channel(maker.address) as channel:
        yield Stub(channel)


def walking_bvh() -> bytes:
    """A walk of another rig, as a file."""
    return format_bvh(build(Rig(), walking(120))).encode()


def mix_of(*names: str, strength: float | None = None) -> controls_pb2.StyleMix:
    mix = controls_pb2.StyleMix(strength=strength)
    for name in names:
        mix.components.add(name=name)
    return mix


def messages(header: Header, files: Sequence[bytes] = (), size: int = 1 << 16) -> Iterable:
    yield style_service_pb2.CreateStyleRequest(header=header)
    for index, file in enumerate(files):
        for start in range(0, len(file), size):
            chunk = style_service_pb2.UploadChunk(file=index, data=file[start : start + size])
            yield style_service_pb2.CreateStyleRequest(chunk=chunk)


def create(stub: Stub, header: Header, files: Sequence[bytes] = ()) -> operation_pb2.Operation:
    """Make a style and wait until its operation has ended."""
    operation = stub.CreateStyle(messages(header, files), timeout=TIMEOUT).operation
    watch = stub.WatchOperation(style_service_pb2.WatchOperationRequest(id=operation.id), timeout=10 * TIMEOUT)
    seen = [answer.operation for answer in watch]
    progress = [one.progress for one in seen]
    assert progress == sorted(progress)
    return seen[-1]


def get(stub: Stub, name: str) -> style_service_pb2.Style:
    style: style_service_pb2.Style = stub.GetStyle(style_service_pb2.GetStyleRequest(name=name), timeout=TIMEOUT).style
    return style


def vector_of(style: style_service_pb2.Style) -> np.ndarray:
    return np.array(style.vector.values, np.float32).reshape(5, 64)


def refused(call: Callable[[], object]) -> tuple[grpc.StatusCode, str, dict[str, str]]:
    """Code, reason and violations of a call that is refused."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    status = rpc_status.from_call(caught.value)
    assert status is not None
    reason, _, violations = details(status)
    return caught.value.code(), reason, violations


def test_a_mix_is_stored_and_moves_characters_as_the_mix_itself_does(maker: LocalServer, stub: Stub) -> None:
    mix = mix_of("active", "elderly", strength=0.7)
    mix.parts.add(part=skeleton_pb2.BODY_PART_LEFT_ARM).components.add(name="youthful")
    header = Header(name="half-old", description="half", source=MIX, mix=mix)
    operation = create(stub, header)
    assert (operation.state, operation.style, operation.progress) == (
        operation_pb2.OPERATION_STATE_SUCCEEDED,
        "half-old",
        1.0,
    )
    style = get(stub, "half-old")
    assert (style.source, style.description, style.owner) == (MIX, "half", "local")
    assert "active" in style.provenance
    assert style.create_time.seconds > 0
    by_mix, by_name = request(), request()
    by_mix.controls.style.CopyFrom(mix)
    by_name.controls.style.CopyFrom(mix_of("half-old"))
    assert generate_one(maker.address, by_mix).frames.data == generate_one(maker.address, by_name).frames.data


def test_a_vector_of_ones_own_is_stored_as_it_is(stub: Stub) -> None:
    values = np.random.default_rng(3).normal(size=320).astype(np.float32)
    mix = controls_pb2.StyleMix()
    mix.components.add(vector=controls_pb2.StyleVector(values=values))
    create(stub, Header(name="by_vector", source=MIX, mix=mix))
    np.testing.assert_allclose(vector_of(get(stub, "by_vector")).ravel(), values, atol=1e-6)


def test_a_clip_of_any_rig_becomes_the_style_that_the_encoder_sees(stub: Stub, bundle_path: Path) -> None:
    file = walking_bvh()
    operation = create(stub, Header(name="of-a-clip", source=CLIP, file_names=["../walk.bvh"]), [file])
    assert operation.state == operation_pb2.OPERATION_STATE_SUCCEEDED, operation.error
    style = get(stub, "of-a-clip")
    assert (style.source, style.provenance) == (CLIP, "../walk.bvh")
    wanted = style_of_clips([clip_of_bvh(file.decode(), "walk", {})], load_bundle(bundle_path).encoder_path)
    np.testing.assert_allclose(vector_of(style), wanted, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(vector_of(style), axis=-1), 1.0, atol=1e-5)


def test_bones_under_unknown_names_are_mapped_by_the_header(stub: Stub) -> None:
    file = walking_bvh().replace(b"left_hip", b"qqq")
    header = Header(name="mapped", source=CLIP, file_names=["walk.bvh"])
    operation = create(stub, header, [file])
    assert operation.state == operation_pb2.OPERATION_STATE_FAILED
    assert "left_hip" in operation.error.message
    header.bone_map["qqq"] = "left_hip"
    assert create(stub, header, [file]).state == operation_pb2.OPERATION_STATE_SUCCEEDED


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe\x00" * 1000,
        b"HIERARCHY\nROOT a\n{\n" * 2_000,
        walking_bvh()[:-2000],
    ],
    ids=["binary", "deep", "torn"],
)
def test_files_that_cannot_be_read_fail_their_operation_alone(stub: Stub, content: bytes) -> None:
    operation = create(stub, Header(name="broken", source=CLIP, file_names=["x.bvh"]), [content])
    assert operation.state == operation_pb2.OPERATION_STATE_FAILED
    assert operation.error.code == code_pb2.INVALID_ARGUMENT
    assert details(operation.error)[0] == "UNREADABLE_FILE"
    assert refused(lambda: get(stub, "broken"))[0] is grpc.StatusCode.NOT_FOUND


def test_names_are_taken_once_and_the_models_own_stay(stub: Stub) -> None:
    header = Header(name="once", source=MIX, mix=mix_of("active"))
    create(stub, header)
    for name in ("once", "active"):
        header.name = name
        assert refused(lambda: create(stub, header))[:2] == (grpc.StatusCode.ALREADY_EXISTS, "STYLE_EXISTS")
    delete = style_service_pb2.DeleteStyleRequest
    assert refused(lambda: stub.DeleteStyle(delete(name="active")))[:2] == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "STYLE_OF_MODEL",
    )
    stub.DeleteStyle(delete(name="once"))
    assert refused(lambda: stub.DeleteStyle(delete(name="once")))[:2] == (grpc.StatusCode.NOT_FOUND, "STYLE_UNKNOWN")
    header.name = "once"
    assert create(stub, header).state == operation_pb2.OPERATION_STATE_SUCCEEDED


@pytest.mark.parametrize(
    ("header", "field"),
    [
        (Header(name="Upper", source=MIX, mix=mix_of("active")), "header.name"),
        (Header(name="", source=MIX, mix=mix_of("active")), "header.name"),
        (Header(name="x" * 65, source=MIX, mix=mix_of("active")), "header.name"),
        (Header(name="x", description="x" * 501, source=MIX, mix=mix_of("active")), "header.description"),
        (Header(name="x", description="\0", source=MIX, mix=mix_of("active")), "header.description"),
        (Header(name="x"), "header.source"),
        (Header(name="x", source=style_service_pb2.STYLE_SOURCE_MODEL), "header.source"),
        (Header(name="x", source=77), "header.source"),  # type: ignore[arg-type]
        (Header(name="x", source=MIX), "header.mix"),
        (Header(name="x", source=MIX, mix=mix_of("unknown")), "header.mix.components[0].name"),
        (Header(name="x", source=MIX, mix=mix_of("active", strength=1.7)), "header.mix.strength"),
        (Header(name="x", source=MIX, mix=mix_of("active", strength=float("nan"))), "header.mix.strength"),
        (Header(name="x", source=MIX, mix=mix_of("active"), file_names=["a"]), "header.file_names"),
        (Header(name="x", source=MIX, mix=mix_of("active"), text="slow"), "header.text"),
        (Header(name="x", source=CLIP), "header.file_names"),
        (Header(name="x", source=CLIP, file_names=["a"] * 11), "header.file_names"),
        (Header(name="x", source=CLIP, file_names=[""]), "header.file_names[0]"),
        (Header(name="x", source=CLIP, file_names=["a"]), "header.file_names"),
        (Header(name="x", source=CLIP, file_names=["a"], bone_map={"a": "tail"}), "header.bone_map['a']"),
    ],
)
def test_a_wrong_header_is_refused_by_its_field(stub: Stub, header: Header, field: str) -> None:
    code, reason, violations = refused(lambda: create(stub, header))
    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert field in violations


def test_sources_that_are_not_there_say_which_are(stub: Stub) -> None:
    for source in (style_service_pb2.STYLE_SOURCE_TEXT, style_service_pb2.STYLE_SOURCE_FINE_TUNED):
        with pytest.raises(grpc.RpcError) as caught:
            create(stub, Header(name="x", source=source, text="like a pirate"))
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
        status = rpc_status.from_call(caught.value)
        assert status is not None
        reason, metadata, _ = details(status)
        assert (reason, metadata["available"]) == ("STYLE_SOURCE_MISSING", "clip,mix")


def test_of_styles_in_conflict_only_those_of_the_highest_priority_count(
    maker: LocalServer, stub: Stub, bundle_path: Path
) -> None:
    bundle = load_bundle(bundle_path)
    active, elderly, neutral = (bundle.style_vectors[bundle.style_index[n]] for n in ("active", "elderly", "normal"))
    waving = controls_pb2.StyleMix()
    arms = neutral.copy()
    arms[3:] = active[3:]
    waving.components.add(vector=controls_pb2.StyleVector(values=arms.ravel()))
    create(stub, Header(name="waving", source=MIX, mix=waving))

    def made(name: str, *priorities: int) -> np.ndarray:
        mix = mix_of("elderly", "waving")
        for component, priority in zip(mix.components, priorities):
            component.priority = priority
        create(stub, Header(name=name, source=MIX, mix=mix))
        return vector_of(get(stub, name))

    def unit(vector: np.ndarray) -> np.ndarray:
        return vector / np.linalg.norm(vector, axis=-1, keepdims=True)

    # The arms are claimed by both, all else by one of them alone: it is the elderly's whatever the priorities.
    np.testing.assert_allclose(
        unit(made("arms-first", 0, 1)), unit(np.concatenate((elderly[:3], active[3:]))), atol=1e-5
    )
    np.testing.assert_allclose(unit(made("legs-first", 2, 1)), unit(elderly), atol=1e-5)
    np.testing.assert_allclose(made("equal", 5, 5), made("none", 0, 0), atol=1e-6)
    wrong = mix_of("active", "elderly")
    wrong.components[1].priority = 101
    found = refused(lambda: create(stub, Header(name="x", source=MIX, mix=wrong)))
    assert "header.mix.components[1].priority" in found[2]


def test_dimensions_turn_a_style_where_the_bundle_has_them(stub: Stub) -> None:
    mix = mix_of("proud")
    mix.dimensions.add(name="amplitude", value=1.5)
    found = refused(lambda: create(stub, Header(name="x", source=MIX, mix=mix)))
    assert found[:2] == (grpc.StatusCode.UNIMPLEMENTED, "CAPABILITY_MISSING")
    with local_server(ServerSettings(port=0)) as running, grpc.insecure_channel(running.address) as channel:
        shipped = Stub(channel)
        create(shipped, Header(name="wide", source=MIX, mix=mix))
        wide, proud = vector_of(get(shipped, "wide")), vector_of(get(shipped, "proud"))
        axis = dimensions_of(load_bundle())["amplitude"]
        np.testing.assert_allclose(wide, turned(vector_of(get(shipped, "proud")), {"a": axis}, {"a": 1.5}), atol=0.02)
        assert not np.allclose(wide, proud, atol=0.05)
        for change, field in (
            ({"name": "height", "value": 1.0}, "header.mix.dimensions[1].name"),
            ({"name": "amplitude", "value": 1.0}, "header.mix.dimensions[1].name"),
            ({"name": "amplitude", "value": 4.5}, "header.mix.dimensions[1].value"),
        ):
            wrong = controls_pb2.StyleMix()
            wrong.CopyFrom(mix)
            wrong.dimensions.add(**change)
            header = Header(name="x", source=MIX, mix=wrong)
            assert field in refused(lambda header=header: create(shipped, header))[2]  # type: ignore[misc]


def test_a_sentence_becomes_a_style_that_moves_characters() -> None:
    pytest.importorskip("sentence_transformers")
    text = style_service_pb2.STYLE_SOURCE_TEXT
    with local_server(ServerSettings(port=0)) as running, grpc.insecure_channel(running.address) as channel:
        stub = Stub(channel)
        header = Header(name="mourner", source=text, text="coming home from a funeral, weeping")
        operation = stub.CreateStyle(messages(header), timeout=10 * TIMEOUT).operation
        assert operation.state == operation_pb2.OPERATION_STATE_SUCCEEDED
        made, sad = get(stub, "mourner"), get(stub, "sad")
        assert made.source == text
        assert made.provenance.startswith('"coming home from a funeral, weeping": ')
        assert "sad" in made.provenance
        cosine = (vector_of(made) * vector_of(sad)).sum(axis=-1)
        assert cosine.mean() > 0.5
        by_name = request()
        by_name.controls.style.CopyFrom(mix_of("mourner"))
        assert generate_one(running.address, by_name).frames.data
        for header, field in (
            (Header(name="x", source=text), "header.text"),
            (Header(name="x", source=text, text="x" * 501), "header.text"),
            (Header(name="x", source=text, text="?!"), "header.text"),
            (Header(name="x", source=text, text="sad", file_names=["a"]), "header.file_names"),
            (Header(name="x", source=text, text="sad", mix=mix_of("active")), "header.mix"),
        ):
            code, _, violations = refused(lambda header=header: create(stub, header))  # type: ignore[misc]
            assert code is grpc.StatusCode.INVALID_ARGUMENT
            assert field in violations
        with_file = messages(Header(name="x", source=text, text="sad"), [b"x"])
        assert "chunk" in refused(lambda: stub.CreateStyle(with_file, timeout=TIMEOUT))[2]


def test_chunks_out_of_order_or_size_are_refused_and_leave_room_for_others(stub: Stub) -> None:
    header = style_service_pb2.CreateStyleRequest(header=Header(name="x", source=CLIP, file_names=["a", "b"]))

    def chunk(file: int, data: bytes) -> style_service_pb2.CreateStyleRequest:
        return style_service_pb2.CreateStyleRequest(chunk=style_service_pb2.UploadChunk(file=file, data=data))

    wrong: list[tuple[list[style_service_pb2.CreateStyleRequest], str]] = [
        ([chunk(0, b"x")], "message"),
        ([], "message"),
        ([header, header], "message"),
        ([header, chunk(2, b"x")], "chunk.file"),
        ([header, chunk(0, b"x"), chunk(1, b"x"), chunk(0, b"x")], "chunk.file"),
        ([header, chunk(0, b"")], "chunk.data"),
        ([header, chunk(0, b"x" * ((1 << 20) + 1))], "chunk.data"),
        ([header, *(chunk(0, b"x" * (1 << 20)) for _ in range(5))], "chunk.data"),
        ([header, chunk(0, b"x")], "header.file_names"),
        ([header, chunk(1, b"x")], "header.file_names"),
    ]
    for sent, field in [*wrong, *wrong]:
        code, _, violations = refused(lambda sent=sent: stub.CreateStyle(iter(sent), timeout=TIMEOUT))  # type: ignore[misc]
        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert field in violations


def test_an_operation_is_cancelled_and_leaves_nothing_behind(
    stub: Stub, bundle_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = Header(name="never", source=CLIP, file_names=["walk.bvh"])
    operation = stub.CreateStyle(messages(header, [walking_bvh()]), timeout=TIMEOUT).operation
    assert operation.state == operation_pb2.OPERATION_STATE_QUEUED
    ended = stub.CancelOperation(style_service_pb2.CancelOperationRequest(id=operation.id), timeout=TIMEOUT).operation
    assert ended.state == operation_pb2.OPERATION_STATE_CANCELLED
    # Behind it in the line: once this one is done, the cancelled one would have been.
    create(stub, Header(name="after", source=CLIP, file_names=["walk.bvh"]), [walking_bvh()])
    assert refused(lambda: get(stub, "never"))[0] is grpc.StatusCode.NOT_FOUND
    again = stub.CancelOperation(style_service_pb2.CancelOperationRequest(id=operation.id), timeout=TIMEOUT).operation
    assert again == ended
    for call in (
        lambda: stub.CancelOperation(style_service_pb2.CancelOperationRequest(id="nobody")),
        lambda: stub.GetOperation(style_service_pb2.GetOperationRequest(id="\0")),
        lambda: list(stub.WatchOperation(style_service_pb2.WatchOperationRequest(id="x" * 1000))),
    ):
        assert refused(call)[:2] == (grpc.StatusCode.NOT_FOUND, "OPERATION_UNKNOWN")


def test_a_reader_that_takes_too_long_is_ended(bundle_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style_making, "WORKER_SECONDS", 0.0)
    monkeypatch.setattr(style_making, "LOOK_SECONDS", 0.01)
    with (
        local_server(ServerSettings(port=0, bundle=bundle_path)) as running,
        grpc.insecure_channel(running.address) as channel,
    ):
        operation = create(Stub(channel), Header(name="x", source=CLIP, file_names=["x"]), [walking_bvh()])
    assert operation.state == operation_pb2.OPERATION_STATE_FAILED
    assert "took longer" in operation.error.message


def test_an_upload_that_stops_is_given_up_and_its_place_is_free_again(
    bundle_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(style_making, "MAX_JOBS", 1)
    waiting = threading.Event()

    def stopping() -> Iterator[style_service_pb2.CreateStyleRequest]:
        header = Header(name="x", source=CLIP, file_names=["x"])
        yield style_service_pb2.CreateStyleRequest(header=header)
        waiting.wait(TIMEOUT)

    settings = ServerSettings(port=0, bundle=bundle_path, hello_seconds=0.3)
    with local_server(settings) as running, grpc.insecure_channel(running.address) as channel:
        for _ in range(2):
            found = refused(lambda: Stub(channel).CreateStyle(stopping(), timeout=TIMEOUT))
            assert found[:2] == (grpc.StatusCode.DEADLINE_EXCEEDED, "SILENT")
        waiting.set()


def test_a_caller_stores_as_many_as_it_may(bundle_path: Path) -> None:
    settings = ServerSettings(port=0, bundle=bundle_path, max_styles_per_owner=1)
    with local_server(settings) as running, grpc.insecure_channel(running.address) as channel:
        stub = Stub(channel)
        create(stub, Header(name="one", source=MIX, mix=mix_of("active")))
        header = Header(name="two", source=MIX, mix=mix_of("active"))
        assert refused(lambda: create(stub, header))[:2] == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_STYLES")
        save = style_service_pb2.SavePresetRequest
        stub.SavePreset(save(preset=style_service_pb2.Preset(name="one")))
        second = save(preset=style_service_pb2.Preset(name="two"))
        assert refused(lambda: stub.SavePreset(second))[:2] == (
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "TOO_MANY_PRESETS",
        )


def test_presets_are_kept_as_they_came_in_pages(stub: Stub) -> None:
    names = ["Beach", "alley", "Ärger", "zoo"]
    for name in names:
        preset = style_service_pb2.Preset(name=name, description="d", style=mix_of("active"), owner="me")
        saved = stub.SavePreset(style_service_pb2.SavePresetRequest(preset=preset)).preset
        assert (saved.owner, saved.style) == ("local", preset.style)
    listed, token = [], ""
    while not listed or token:
        page = stub.ListPresets(style_service_pb2.ListPresetsRequest(page_size=3, page_token=token))
        listed += [preset.name for preset in page.presets]
        token = page.next_page_token
    assert listed == sorted(names)
    for name in names:
        stub.DeletePreset(style_service_pb2.DeletePresetRequest(name=name))
    gone = style_service_pb2.DeletePresetRequest(name="zoo")
    assert refused(lambda: stub.DeletePreset(gone))[:2] == (grpc.StatusCode.NOT_FOUND, "PRESET_UNKNOWN")


@pytest.mark.parametrize(
    ("preset", "field"),
    [
        (style_service_pb2.Preset(), "preset.name"),
        (style_service_pb2.Preset(name="a\tb"), "preset.name"),
        (style_service_pb2.Preset(name="x", description="x" * 501), "preset.description"),
        (style_service_pb2.Preset(name="x", style=mix_of("unknown")), "preset.style.components[0].name"),
    ],
)
def test_a_wrong_preset_is_refused_by_its_field(stub: Stub, preset: style_service_pb2.Preset, field: str) -> None:
    save = style_service_pb2.SavePresetRequest(preset=preset)
    code, _, violations = refused(lambda: stub.SavePreset(save))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert field in violations


def test_a_scene_in_a_preset_needs_what_this_server_does_not_have(stub: Stub) -> None:
    preset = style_service_pb2.Preset(name="x", scene=controls_pb2.SceneControl(preset="desert"))
    found = refused(lambda: stub.SavePreset(style_service_pb2.SavePresetRequest(preset=preset)))
    assert found[:2] == (grpc.StatusCode.UNIMPLEMENTED, "CAPABILITY_MISSING")


def test_two_servers_see_each_others_styles_and_a_killed_one_leaves_its_own(
    bundle_path: Path, database_url: str
) -> None:
    arguments = ("--port", "0", "--bundle", str(bundle_path), "--database", database_url)
    with ServerProcess(*arguments) as one, ServerProcess(*arguments) as two:
        with grpc.insecure_channel(one.address) as mine, grpc.insecure_channel(two.address) as theirs:
            create(Stub(mine), Header(name="shared", source=MIX, mix=mix_of("active", "elderly")))
            stored = time.monotonic()
            wanted = get(Stub(mine), "shared")
            seen = eventually(lambda: get(Stub(theirs), "shared"))
            took = time.monotonic() - stored
            assert seen == wanted
            print(f"seen by the other server after {took:.2f} s")
            # Its operations are known there too.
            operation = Stub(mine).CreateStyle(messages(Header(name="x", source=MIX, mix=mix_of("active")))).operation
            known = Stub(theirs).GetOperation(style_service_pb2.GetOperationRequest(id=operation.id)).operation
            assert known == operation
            one.process.send_signal(signal.SIGKILL)
            one.process.wait()
            Stub(theirs).DeleteStyle(style_service_pb2.DeleteStyleRequest(name="x"))
        with ServerProcess(*arguments) as three, grpc.insecure_channel(three.address) as channel:
            assert get(Stub(channel), "shared") == wanted
            assert refused(lambda: get(Stub(channel), "x"))[0] is grpc.StatusCode.NOT_FOUND


def eventually(call: Callable[[], style_service_pb2.Style]) -> style_service_pb2.Style:
    """What a call gives as soon as it is found."""
    ends = time.monotonic() + TIMEOUT
    while True:
        try:
            return call()
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND or time.monotonic() > ends:
                raise
        time.sleep(0.02)
