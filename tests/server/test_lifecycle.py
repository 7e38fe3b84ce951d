"""From the first bind to the last stream: readiness, keepalive, drain, disconnects, and no torch."""

from __future__ import annotations

import asyncio
import contextlib
import json
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from click.testing import CliRunner
from google.rpc import code_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status
from tests.bundles import tiny_bundle
from tests.server.messages import Stream, details, generate_one, request

from strut_model.bundle import BundleError
from strut_proto.v1 import (
    motion_service_pb2,
    motion_service_pb2_grpc,
)
from strut_server.commands import serve
from strut_server.local import LocalServer, local_server
from strut_server.server import SERVICES, BindError, StrutServer
from strut_server.settings import ServerSettings

MOTION = "strut.v1.MotionService"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
PATIENCE = 30.0


def wait_until(condition: object, what: str) -> None:
    """Wait for something that another thread brings about."""
    ends = time.monotonic() + PATIENCE
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < ends, f"{what} did not happen"
        time.sleep(0.01)


def test_health_is_serving_once_the_server_is_warm_and_ends_with_the_drain(bundle_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        running = stack.enter_context(local_server(ServerSettings(port=0, bundle=bundle_path)))
        channel = stack.enter_context(grpc.insecure_channel(running.address))
        with Stream(running.address) as stream:
            health = health_pb2_grpc.HealthStub(channel)
            for service in ("", *SERVICES):
                assert health.Check(health_pb2.HealthCheckRequest(service=service)).status == SERVING
            with pytest.raises(grpc.RpcError) as caught:
                health.Check(health_pb2.HealthCheckRequest(service="strut.v1.NoService"))
            assert caught.value.code() is grpc.StatusCode.NOT_FOUND
            watch = health.Watch(health_pb2.HealthCheckRequest(service=MOTION))
            assert next(watch).status == SERVING
            stream.window(request())
            drain = threading.Thread(target=running.drain)
            drain.start()
            assert next(watch).status == NOT_SERVING
            stream.close()
            drain.join(PATIENCE)
            assert not drain.is_alive()


def test_health_is_not_serving_while_the_network_warms_up(bundle_path: Path) -> None:
    seen = []

    async def started() -> None:
        server = StrutServer(ServerSettings(port=0, bundle=bundle_path))
        warm_up = server.runtime.warm_up

        def watched() -> None:
            """Runs on a thread of its own, while the server answers calls already."""
            with grpc.insecure_channel(server.address) as channel:
                for service in ("", MOTION):
                    check = health_pb2.HealthCheckRequest(service=service)
                    seen.append(health_pb2_grpc.HealthStub(channel).Check(check, timeout=PATIENCE).status)
            warm_up()

        server.runtime.warm_up = watched  # type: ignore[method-assign]
        async with server, grpc.aio.insecure_channel(server.address) as channel:
            check = health_pb2.HealthCheckRequest(service=MOTION)
            seen.append((await health_pb2_grpc.HealthStub(channel).Check(check)).status)

    asyncio.run(started())
    assert seen == [NOT_SERVING, NOT_SERVING, SERVING]


def test_a_draining_server_tells_its_streams_and_takes_nobody_new(bundle_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        running = stack.enter_context(local_server(ServerSettings(port=0, bundle=bundle_path)))
        with Stream(running.address) as stream, Stream(running.address) as idle:
            stream.window(request(character=1))
            drain = threading.Thread(target=running.drain)
            drain.start()
            for open_stream in (stream, idle):
                event = open_stream.receive().event
                assert 0 < event.draining.remaining_ms <= 10_000
            # Those that are here go on; others are sent elsewhere.
            assert stream.window(request(character=1, sequence=2, start_frame=16, continues=1)).frames.count == 16
            error = stream.error(request(character=2))
            assert (error.code, details(error)[0]) == (code_pb2.UNAVAILABLE, "DRAINING")
            with Stream(running.address, hello=False) as late, pytest.raises(grpc.RpcError) as caught:
                late.receive()
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
            status = rpc_status.from_call(caught.value)
            assert status is not None
            assert details(status)[0] == "DRAINING"
            assert drain.is_alive()
            for open_stream in (stream, idle):
                open_stream.close()
            drain.join(PATIENCE)
            assert not drain.is_alive()


def test_streams_that_stay_are_cut_when_the_drain_is_over(bundle_path: Path) -> None:
    settings = ServerSettings(port=0, bundle=bundle_path, drain_seconds=0.2)
    with local_server(settings) as running, Stream(running.address) as stream:
        stream.window(request())
        running.drain()
        assert stream.ending().code() in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE)


def test_clients_that_vanish_leave_nothing_behind(bundle_path: Path) -> None:
    with local_server(ServerSettings(port=0, bundle=bundle_path)) as running:
        with grpc.insecure_channel(running.address) as channel:
            stub = motion_service_pb2_grpc.MotionServiceStub(channel)
            with Stream(running.address) as stream:
                stream.ask(*(request(character=number) for number in range(20)))
                stream.replies(20)
                stream.ask(*(request(number, 2, start_frame=16, continues=1) for number in range(20)))
                stream.call.cancel()
            wait_until(
                lambda: not stub.ListCharacters(motion_service_pb2.ListCharactersRequest()).characters,
                "forgetting the characters",
            )
        with Stream(running.address) as stream:
            assert stream.window(request()).frames.count == 16


def test_reflection_lists_the_services(server: LocalServer) -> None:
    with grpc.insecure_channel(server.address) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        services = set(database.get_services())
        assert services >= {
            MOTION,
            "strut.v1.StyleService",
            "strut.v1.SceneService",
            "strut.v1.TelemetryService",
            "grpc.health.v1.Health",
        }
        file = database.FindFileContainingSymbol(MOTION)
    assert file.name == "strut/v1/motion_service.proto"


def test_keepalive_pings_every_second_are_taken_although_grpc_by_itself_would_not(bundle_path: Path) -> None:
    """An idle connection with a ping a second; with gRPC's limit of five minutes the third ping ends it."""
    options = (
        ("grpc.keepalive_time_ms", 1000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
    )
    with contextlib.ExitStack() as stack:
        watched = {}
        for seconds in (1.0, 300.0):
            settings = ServerSettings(port=0, bundle=bundle_path, min_ping_seconds=seconds)
            address = stack.enter_context(local_server(settings)).address
            channel = stack.enter_context(grpc.insecure_channel(address, options))
            states: list[grpc.ChannelConnectivity] = []
            channel.subscribe(states.append, try_to_connect=True)
            watched[seconds] = states
        ready, failed = grpc.ChannelConnectivity.READY, grpc.ChannelConnectivity.IDLE
        for states in watched.values():
            wait_until(lambda states=states: ready in states, "connecting")
        wait_until(lambda: failed in watched[300.0][watched[300.0].index(ready) :], "a refusal of pings")
        assert watched[1.0][-1] is ready
        assert failed not in watched[1.0][watched[1.0].index(ready) :]


def test_an_address_that_is_taken_is_an_error(server: LocalServer, bundle_path: Path) -> None:
    port = int(server.address.rpartition(":")[2])
    with pytest.raises(BindError, match=str(port)), local_server(ServerSettings(port=port, bundle=bundle_path)):
        pass


def test_a_directory_without_a_bundle_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="manifest"), local_server(ServerSettings(port=0, bundle=tmp_path)):
        pass


class Process:
    """`strut serve` as a process of its own."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "strut_server.cli", "serve", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def line(self) -> str:
        """The next line that it prints."""
        return self._lines.get(timeout=PATIENCE)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.strip())


@pytest.fixture
def process(bundle_path: Path) -> Iterator[Process]:
    served = Process("--port", "0", "--bundle", str(bundle_path))
    yield served
    served.process.kill()
    served.process.communicate()


def test_strut_serve_says_when_it_is_ready_and_drains_on_sigterm(process: Process) -> None:
    line = process.line()
    assert line.startswith("Strut is ready on 127.0.0.1:")
    for word in ("model tiny", "4 styles", "4 contents", "cpu"):
        assert word in line
    address = line.split()[4].rstrip(":,")
    with Stream(address) as stream:
        stream.window(request())
        process.process.send_signal(signal.SIGTERM)
        assert stream.receive().event.WhichOneof("event") == "draining"
        assert stream.window(request(sequence=2, start_frame=16, continues=1)).frames.count == 16
        assert process.process.poll() is None
    assert process.process.wait(PATIENCE) == 0
    assert process.line() == "stopped"


def test_a_hangup_serves_what_the_bundles_directory_holds_now(bundle_path: Path, tmp_path: Path) -> None:
    link, other, broken = tmp_path / "bundle", tiny_bundle(tmp_path / "other", seed=5), tmp_path / "broken"
    link.symlink_to(bundle_path)
    served = Process("--port", "0", "--bundle", str(link), "--log-format", "json")
    try:
        assert served.process.stderr is not None
        address = served.line().split()[4].rstrip(":,")
        with Stream(address) as stream:
            stream.window(request())
            for number, target in enumerate((other, broken, bundle_path)):
                link.unlink()
                link.symlink_to(target)
                served.process.send_signal(signal.SIGHUP)
                if target is broken:
                    while not (line := served.process.stderr.readline()).startswith("the model is as it was"):
                        assert json.loads(line)["level"] == "info"
                    assert "no such bundle directory" in line
                else:
                    assert served.line().startswith("the model is now tiny")
                    assert stream.receive().event.WhichOneof("event") == "model_changed"
                start = 16 * (number + 1)
                stream.window(request(sequence=number + 2, start_frame=start, continues=number + 1))
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(PATIENCE) == 0
    finally:
        served.process.kill()
        served.process.communicate()


def test_strut_serve_refuses_addresses_that_others_reach(bundle_path: Path) -> None:
    result = CliRunner().invoke(serve, ["--host", "0.0.0.0", "--bundle", str(bundle_path)])
    assert result.exit_code == 1
    assert "host: '0.0.0.0'" in result.output
    assert "--insecure-any-address" in result.output


def test_strut_serve_says_what_is_wrong_with_a_bundle(tmp_path: Path) -> None:
    result = CliRunner().invoke(serve, ["--port", "0", "--bundle", str(tmp_path)])
    assert result.exit_code == 1
    assert "manifest.json is missing" in result.output


WITHOUT_TORCH = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torch":
            raise ImportError("torch is blocked")

sys.meta_path.insert(0, Refuse())
from pathlib import Path
from strut_server.commands import serve
from strut_server.local import local_server
from strut_server.settings import ServerSettings
with local_server(ServerSettings(port=0, bundle=Path(sys.argv[1]))) as server:
    print(server.address, flush=True)
    sys.stdin.readline()
assert "torch" not in sys.modules
"""


def test_the_server_runs_without_torch(bundle_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WITHOUT_TORCH, str(bundle_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    assert generate_one(address, request()).frames.count == 16
    process.communicate("done\n", timeout=PATIENCE)
    assert process.returncode == 0
