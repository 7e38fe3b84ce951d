"""The console's server: its page, and the contract's calls over gRPC-Web behind the same door as gRPC's."""

from __future__ import annotations

import itertools
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from google.rpc import code_pb2, error_details_pb2
from tests.model.rigs import Rig, build, walking
from tests.server.certificates import Authority
from tests.server.grpc_web import Web, framed, read_frames
from tests.server.messages import controls, history_from, request

from strut_client import Client
from strut_model.bvh import format_bvh
from strut_model.frames import FrameEncoding, unpack_frames
from strut_proto.v1 import (
    motion_service_pb2,
    scene_service_pb2,
    style_service_pb2,
    telemetry_service_pb2,
)
from strut_server.access import new_token
from strut_server.local import LocalServer, local_server
from strut_server.server import BindError
from strut_server.settings import ServerSettings
from strut_server.style_making import MAX_JOBS

INFO = motion_service_pb2.GetServerInfoRequest()


@pytest.fixture(scope="module")
def console(bundle_path: Path) -> Iterator[LocalServer]:
    settings = ServerSettings(port=0, bundle=bundle_path, console_port=0, max_upload_bytes=4 << 20)
    with local_server(settings) as running:
        yield running


@pytest.fixture
def web(console: LocalServer) -> Web:
    assert console.console_url is not None
    return Web(console.console_url)


def generate(*requests: motion_service_pb2.WindowRequest) -> motion_service_pb2.GenerateWindowsRequest:
    return motion_service_pb2.GenerateWindowsRequest(requests=requests)


def walking_bvh() -> bytes:
    return format_bvh(build(Rig(), walking(120))).encode()


def clip_messages(
    data: bytes, name: str = "walk.bvh", size: int = 20_000
) -> list[style_service_pb2.PreviewClipRequest]:
    header = style_service_pb2.PreviewClipHeader(file_name=name)
    chunks = [data[start : start + size] for start in range(0, len(data), size)]
    return [
        style_service_pb2.PreviewClipRequest(header=header),
        *(style_service_pb2.PreviewClipRequest(chunk=style_service_pb2.UploadChunk(data=one)) for one in chunks),
    ]


# The page.


def test_the_page_comes_with_a_policy_that_lets_it_load_and_call_nothing_else(web: Web) -> None:
    response = web.request("GET", "/")
    page = response.read().decode()

    policy = dict(part.split(" ", 1) for part in response.headers["Content-Security-Policy"].split("; "))
    assert response.status == 200
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in " ".join(policy.values())
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    # Each copy of the page has a nonce of its own for its style sheets.
    nonce = policy["style-src"].split("'nonce-")[1].rstrip("'")
    assert f'nonce="{nonce}"' in page
    assert nonce not in web.request("GET", "/").headers["Content-Security-Policy"]


def test_what_the_page_names_is_served_and_nothing_beside_it(web: Web) -> None:
    page = web.request("GET", "/").read().decode()
    names = [part.split('"')[0] for part in page.split('="/')[1:] if part.startswith("assets/")]
    assert names
    for name in names:
        response = web.request("GET", f"/{name}", headers={"Accept-Encoding": "identity"})
        assert response.status == 200
        assert "immutable" in response.headers["Cache-Control"]
        assert response.read()
    for path in (
        "/assets/../framing.py",
        "/assets/%2e%2e/framing.py",
        "/page/index.html",
        "/etc/passwd",
        "//etc/passwd",
    ):
        assert web.request("GET", path).status == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "motion.example"}, 421),
        ({"Host": "127.0.0.1.nip.example:80"}, 421),
        ({"Host": "["}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/json"}, 415),
    ],
)
def test_requests_of_other_sites_are_refused_before_they_are_read(
    web: Web, headers: dict[str, str], status: int
) -> None:
    response = web.post("MotionService/GetServerInfo", framed(b""), **headers)

    assert response.status == status
    assert response.headers["Access-Control-Allow-Origin"] is None


def test_a_name_that_the_operator_allows_reaches_it(bundle_path: Path) -> None:
    settings = ServerSettings(port=0, bundle=bundle_path, console_port=0, console_hosts=("motion.example",))
    with local_server(settings) as running:
        web = Web(running.console_url or "")
        assert web.request("GET", "/", headers={"Host": "motion.example"}).status == 200
        assert web.request("GET", "/", headers={"Host": "other.example"}).status == 421


def test_a_port_that_is_taken_is_said_by_number(bundle_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(BindError, match=f"port {port} for the console"),
            local_server(ServerSettings(port=0, bundle=bundle_path, console_port=port)),
        ):
            pass


# Calls.


def test_a_call_is_answered_as_over_grpc(web: Web, console: LocalServer) -> None:
    answer = web.one("MotionService/GetServerInfo", motion_service_pb2.GetServerInfoResponse, INFO)

    with Client(console.address) as client:
        assert answer.server.model.hash == client.server.model.hash
    assert motion_service_pb2.CAPABILITY_CLIP_PREVIEW in answer.server.capabilities


def test_windows_go_on_from_the_history_that_the_page_sends_back(web: Web) -> None:
    first = web.one("MotionService/GenerateWindows", motion_service_pb2.GenerateWindowsResponse, generate(request()))
    window = first.replies[0].window
    history = history_from(window)
    follow = request(sequence=2, start_frame=window.start_frame + window.frames.count, history=history)
    second = web.one("MotionService/GenerateWindows", motion_service_pb2.GenerateWindowsResponse, generate(follow))

    one, two = (
        unpack_frames(reply.window.frames.data, FrameEncoding.FLOAT32, ())
        for reply in (first.replies[0], second.replies[0])
    )
    gap = two.world_pelvis()[0] - one.world_pelvis()[-1]
    assert float(np.linalg.norm(gap)) < 0.2


def test_errors_come_with_the_fields_that_are_wrong(web: Web) -> None:
    ended = web.call(
        "StyleService/SavePreset",
        style_service_pb2.SavePresetRequest(preset=style_service_pb2.Preset(name="")),
    )

    assert ended.code == ended.status.code == code_pb2.INVALID_ARGUMENT
    bad = error_details_pb2.BadRequest()
    assert any(detail.Unpack(bad) for detail in ended.status.details)
    assert bad.field_violations[0].field == "preset.name"


@pytest.mark.parametrize("call", ["MotionService/StreamMotion", "MotionService/Nothing", "Nothing/Nothing"])
def test_calls_that_a_browser_cannot_make_are_unimplemented(web: Web, call: str) -> None:
    assert web.call(call, INFO).code == code_pb2.UNIMPLEMENTED


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", code_pb2.INVALID_ARGUMENT),
        (framed(b"\xff\xff"), code_pb2.INVALID_ARGUMENT),
        (framed(b"", flags=1), code_pb2.INTERNAL),
        (framed(bytes(100))[:50], code_pb2.INTERNAL),
        (b"\x00\x00", code_pb2.INTERNAL),
        (b"\x00\xff\xff\xff\xff" + bytes(1000), code_pb2.RESOURCE_EXHAUSTED),
    ],
    ids=["empty", "no message", "compressed", "torn", "torn head", "too long"],
)
def test_broken_requests_are_refused_by_what_is_wrong(web: Web, body: bytes, code: int) -> None:
    frames = list(read_frames(web.post("MotionService/GenerateWindows", body)))

    (only,) = frames
    assert only[0] == 0x80
    assert f"grpc-status: {code}\r\n".encode() in only[1]


def test_a_call_ends_when_its_time_is_up(web: Web) -> None:
    watch = telemetry_service_pb2.StreamStatisticsRequest(interval_seconds=60.0)

    ended = web.call("TelemetryService/StreamStatistics", watch, **{"Grpc-Timeout": "50m"})

    assert ended.code == code_pb2.DEADLINE_EXCEEDED


def test_a_stream_of_statistics_is_read_as_it_comes_and_ends_with_its_reader(web: Web, console: LocalServer) -> None:
    watch = telemetry_service_pb2.StreamStatisticsRequest(interval_seconds=0.1)
    # Were they not ended, the server would soon have too many watchers.
    for _ in range(20):
        response = web.post("TelemetryService/StreamStatistics", framed(watch.SerializeToString()))
        flags, data = next(read_frames(response))
        assert flags == 0, data
        assert telemetry_service_pb2.StreamStatisticsResponse.FromString(data).statistics.device
        response.close()
        web.one("MotionService/GetServerInfo", motion_service_pb2.GetServerInfoResponse, INFO)


def test_underruns_of_a_client_without_a_stream_are_counted(web: Web) -> None:
    batch = generate(request())
    batch.report.underruns = 3
    before = web.one(
        "TelemetryService/GetStatistics",
        telemetry_service_pb2.GetStatisticsResponse,
        telemetry_service_pb2.GetStatisticsRequest(),
    ).statistics.underruns
    web.one("MotionService/GenerateWindows", motion_service_pb2.GenerateWindowsResponse, batch)

    after = web.one(
        "TelemetryService/GetStatistics",
        telemetry_service_pb2.GetStatisticsResponse,
        telemetry_service_pb2.GetStatisticsRequest(),
    ).statistics.underruns
    assert after == before + 3


def test_scenes_are_listed(web: Web) -> None:
    answer = web.one(
        "SceneService/ListScenePresets",
        scene_service_pb2.ListScenePresetsResponse,
        scene_service_pb2.ListScenePresetsRequest(),
    )

    assert "desert" in {preset.name for preset in answer.presets} or answer.presets


# Uploads.


def test_a_clip_is_shown_before_it_is_stored_and_its_style_can_be_tried(web: Web) -> None:
    preview = web.one("StyleService/PreviewClip", style_service_pb2.PreviewClipResponse, *clip_messages(walking_bvh()))

    shown = unpack_frames(preview.frames.data, FrameEncoding.QUAT48, ())
    assert preview.frames.count == shown.frames == preview.total_frames > 16
    assert abs(shown.root_position[0]).max() < 1e-3
    assert 0.5 < shown.pelvis[0, 1] < 1.2
    assert preview.bone_map["left_knee"]
    wanted = controls()
    del wanted.style.components[:]
    wanted.style.components.add(vector=preview.vector)
    answer = web.one(
        "MotionService/GenerateWindows",
        motion_service_pb2.GenerateWindowsResponse,
        generate(request(controls=wanted)),
    )
    assert answer.replies[0].HasField("window")
    names = web.one(
        "StyleService/ListStyles", style_service_pb2.ListStylesResponse, style_service_pb2.ListStylesRequest()
    )
    assert not any(style.source == style_service_pb2.STYLE_SOURCE_CLIP for style in names.styles)


def test_a_style_is_made_of_an_upload_in_one_request(web: Web) -> None:
    data = walking_bvh()
    header = style_service_pb2.CreateStyleHeader(
        name="from-the-page", source=style_service_pb2.STYLE_SOURCE_CLIP, file_names=["walk.bvh"]
    )
    created = web.one(
        "StyleService/CreateStyle",
        style_service_pb2.CreateStyleResponse,
        style_service_pb2.CreateStyleRequest(header=header),
        style_service_pb2.CreateStyleRequest(chunk=style_service_pb2.UploadChunk(data=data)),
    )
    watched = web.call("StyleService/WatchOperation", style_service_pb2.WatchOperationRequest(id=created.operation.id))

    assert watched.code == 0
    last = style_service_pb2.WatchOperationResponse.FromString(watched.messages[-1]).operation
    assert last.style == "from-the-page"


@pytest.mark.parametrize("data", [b"no BVH", b"HIERARCHY\nROOT a\n{\n", b""], ids=["text", "torn", "nothing"])
def test_a_clip_that_cannot_be_read_says_why_and_frees_its_place(web: Web, data: bytes) -> None:
    # As many as there are places, and one more.
    for _ in range(2):
        ended = web.call("StyleService/PreviewClip", *clip_messages(data))
        assert ended.code == code_pb2.INVALID_ARGUMENT
        assert len(ended.text) > 10
    assert web.call("StyleService/PreviewClip", *clip_messages(b"x")).code != code_pb2.RESOURCE_EXHAUSTED


def test_an_upload_is_bounded(web: Web) -> None:
    chunk = style_service_pb2.PreviewClipRequest(chunk=style_service_pb2.UploadChunk(data=bytes(1 << 20)))
    header = style_service_pb2.PreviewClipRequest(header=style_service_pb2.PreviewClipHeader(file_name="a.bvh"))

    for _ in range(MAX_JOBS + 1):
        ended = web.call("StyleService/PreviewClip", header, *itertools.repeat(chunk, 5))
        assert ended.code == code_pb2.INVALID_ARGUMENT
        assert "allowed: 0 to 4194304 in all" in ended.text


# Who calls.


@pytest.fixture
def guarded(bundle_path: Path, tmp_path: Path) -> Iterator[tuple[LocalServer, dict[str, str]]]:
    """A server with tokens, and the tokens by role."""
    tokens, rows = {}, []
    for role in ("stream", "design"):
        secret, digest = new_token()
        tokens[role] = secret
        rows.append({"name": f"a {role}er", "role": role, "sha256": digest})
    path = tmp_path / "tokens.yaml"
    path.write_text(yaml.safe_dump({"callers": rows}))
    settings = ServerSettings(port=0, bundle=bundle_path, console_port=0, tokens=path, max_calls_per_second=5)
    with local_server(settings) as running:
        yield running, tokens


def test_roles_and_limits_are_those_of_grpc(guarded: tuple[LocalServer, dict[str, str]]) -> None:
    running, tokens = guarded
    url = running.console_url or ""
    listed = motion_service_pb2.ListCharactersRequest()

    assert Web(url).call("MotionService/GetServerInfo", INFO).code == code_pb2.UNAUTHENTICATED
    assert Web(url, "guess").call("MotionService/GetServerInfo", INFO).code == code_pb2.UNAUTHENTICATED
    assert Web(url, tokens["stream"]).call("MotionService/GetServerInfo", INFO).code == 0
    assert Web(url, tokens["stream"]).call("MotionService/ListCharacters", listed).code == code_pb2.PERMISSION_DENIED
    assert Web(url, tokens["design"]).call("MotionService/ListCharacters", listed).code == 0
    saved = Web(url, tokens["design"]).one(
        "StyleService/SavePreset",
        style_service_pb2.SavePresetResponse,
        style_service_pb2.SavePresetRequest(preset=style_service_pb2.Preset(name="mine")),
    )
    assert saved.preset.owner == "a designer"
    codes = [Web(url, tokens["stream"]).call("MotionService/GetServerInfo", INFO).code for _ in range(30)]
    assert code_pb2.RESOURCE_EXHAUSTED in codes


def test_with_mutual_tls_a_browser_is_known_by_its_certificate(bundle_path: Path, tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)
    path = tmp_path / "tokens.yaml"
    path.write_text(
        yaml.safe_dump({"callers": [{"name": "studio", "role": "design", "certificate": "designer.example"}]})
    )
    settings = ServerSettings(
        port=0,
        bundle=bundle_path,
        console_port=0,
        tls_certificate=authority.certificate,
        tls_key=authority.key,
        tls_client_ca=authority.root,
        tokens=path,
    )

    def browser(name: str | None) -> Web:
        context = ssl.create_default_context(cafile=str(authority.root))
        if name is not None:
            issued = authority.authority.issue_cert(name)
            with issued.private_key_and_cert_chain_pem.tempfile() as pem:
                context.load_cert_chain(pem)
        return Web(running.console_url or "", tls=context)

    with local_server(settings) as running:
        assert (running.console_url or "").startswith("https://")
        saved = browser("designer.example").one(
            "StyleService/SavePreset",
            style_service_pb2.SavePresetResponse,
            style_service_pb2.SavePresetRequest(preset=style_service_pb2.Preset(name="mine")),
        )
        assert saved.preset.owner == "studio"
        stranger = browser("stranger.example").call("MotionService/GetServerInfo", INFO)
        assert stranger.code == code_pb2.UNAUTHENTICATED
        with pytest.raises((ssl.SSLError, ConnectionError)):
            browser(None).call("MotionService/GetServerInfo", INFO)
        # A renewed certificate is shown without a restart.
        before = shown(running, authority)
        authority.renew()
        assert shown(running, authority) != before


def shown(running: LocalServer, authority: Authority) -> bytes:
    web = Web(running.console_url or "")
    context = ssl.create_default_context(cafile=str(authority.root))
    with authority.authority.issue_cert("a.example").private_key_and_cert_chain_pem.tempfile() as pem:
        context.load_cert_chain(pem)
    with (
        socket.create_connection((web.address.hostname or "", web.address.port or 0)) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as wrapped,
    ):
        certificate = wrapped.getpeercert(binary_form=True)
    assert certificate is not None
    return certificate


# A designer's hand.


def test_a_designer_changes_a_streaming_character_and_lets_it_go(web: Web, console: LocalServer) -> None:
    with Client(console.address, client_name="a game") as client:
        walker = client.character(style="active", content="walk", name="guard")
        twin = client.character(style="active", content="walk", name="twin")
        client.advance([walker, twin])

        def listed() -> dict[str, motion_service_pb2.CharacterInfo]:
            answer = web.one(
                "MotionService/ListCharacters",
                motion_service_pb2.ListCharactersResponse,
                motion_service_pb2.ListCharactersRequest(),
            )
            return {one.name: one for one in answer.characters if one.client_name == "a game"}

        info = listed()["guard"]
        change = motion_service_pb2.OverrideControlsRequest(session_id=info.session_id, character=info.character)
        change.controls.style.components.add(name="elderly")
        answer = web.one("MotionService/OverrideControls", motion_service_pb2.OverrideControlsResponse, change)
        assert answer.controls.style.components[0].name == "elderly"
        assert answer.controls.content.label == "walk"

        made = client.advance([walker, twin])
        assert "CONTROLS_OVERRIDDEN" in {warning.code for warning in made[0].warnings}
        assert made[1].warnings == ()
        after = listed()["guard"]
        assert after.controls.style.components[0].name == "active"
        assert after.controls_override.style.components[0].name == "elderly"

        change.ClearField("controls")
        web.one("MotionService/OverrideControls", motion_service_pb2.OverrideControlsResponse, change)
        assert client.advance([walker])[0].warnings == ()
        assert not listed()["guard"].HasField("controls_override")


def test_an_override_runs_out(web: Web, console: LocalServer) -> None:
    with Client(console.address, client_name="a short game") as client:
        walker = client.character(style="active", content="walk")
        client.advance([walker])
        answer = web.one(
            "MotionService/ListCharacters",
            motion_service_pb2.ListCharactersResponse,
            motion_service_pb2.ListCharactersRequest(),
        )
        info = next(one for one in answer.characters if one.client_name == "a short game")
        change = motion_service_pb2.OverrideControlsRequest(
            session_id=info.session_id, character=info.character, hold_ms=1
        )
        change.controls.style.components.add(name="elderly")
        web.one("MotionService/OverrideControls", motion_service_pb2.OverrideControlsResponse, change)
        time.sleep(0.01)
        assert client.advance([walker])[0].warnings == ()


@pytest.mark.parametrize(
    ("session", "style", "hold", "code", "field"),
    [
        ("nobody", "active", None, code_pb2.NOT_FOUND, None),
        (None, "no-such-style", None, code_pb2.INVALID_ARGUMENT, "controls.style.components[0].name"),
        (None, "active", 0, code_pb2.INVALID_ARGUMENT, "hold_ms"),
    ],
)
def test_an_override_that_cannot_be_is_refused_and_changes_nothing(
    web: Web, console: LocalServer, session: str | None, style: str, hold: int | None, code: int, field: str | None
) -> None:
    with Client(console.address, client_name="untouched") as client:
        walker = client.character(style="active", content="walk")
        client.advance([walker])
        listing = motion_service_pb2.ListCharactersRequest()
        answer = web.one("MotionService/ListCharacters", motion_service_pb2.ListCharactersResponse, listing)
        info = next(one for one in answer.characters if one.client_name == "untouched")
        change = motion_service_pb2.OverrideControlsRequest(
            session_id=session or info.session_id, character=info.character, hold_ms=hold
        )
        change.controls.style.components.add(name=style)

        ended = web.call("MotionService/OverrideControls", change)

        assert ended.code == code
        if field is not None:
            bad = error_details_pb2.BadRequest()
            assert any(detail.Unpack(bad) for detail in ended.status.details)
            assert bad.field_violations[0].field == field
        assert client.advance([walker])[0].warnings == ()
