"""`strut bench serve` and `strut bench soak` on a tiny bundle; no figure of theirs is judged here."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import grpc.aio
import numpy as np
import pytest
from click.testing import CliRunner, Result
from tests.server.messages import Stream

from strut_proto.v1 import motion_service_pb2_grpc
from strut_server.bench import load
from strut_server.bench.commands import bench
from strut_server.bench.echo import Context, EchoService
from strut_server.bench.histograms import Latencies
from strut_server.bench.load import Load, LoadRun
from strut_server.bench.measuring import Row
from strut_server.bench.musts import verdicts
from strut_server.bench.processes import ProcessError, strut_server, troubles
from strut_server.bench.soaking import Sample, Soak

STALL_SECONDS = 0.9


def run(*arguments: str) -> Result:
    return CliRunner().invoke(bench, list(arguments))


class Patient:
    """A call's context whose messages are not read during one long pause."""

    def __init__(self, context: Context) -> None:
        self.write = context.write
        self._read = context.read
        self._pause = asyncio.ensure_future(self._paused())
        self._going = asyncio.Event()
        self._going.set()

    async def read(self) -> object:
        message = await self._read()
        await self._going.wait()
        return message

    async def _paused(self) -> None:
        await asyncio.sleep(0.3)
        self._going.clear()
        await asyncio.sleep(STALL_SECONDS)
        self._going.set()


class Stalling(EchoService):
    """Answers at once but for one long pause."""

    async def StreamMotion(self, request_iterator: object, context: Context) -> None:  # type: ignore[override]  # noqa: N802
        await super().StreamMotion(request_iterator, Patient(context))  # type: ignore[arg-type]


def loaded(how: Load) -> load.Result:
    """What comes of a load on a server that stalls."""

    async def measured() -> load.Result:
        server = grpc.aio.server()
        motion_service_pb2_grpc.add_MotionServiceServicer_to_server(Stalling(), server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            return await LoadRun(f"127.0.0.1:{port}", how, ("active",), warm_up_seconds=0.0).run()
        finally:
            await server.stop(None)

    return asyncio.run(measured())


def test_the_open_loop_counts_every_window_that_a_stall_delayed() -> None:
    every, characters = 0.1, 4
    opened = loaded(Load(characters, 2.0, every_seconds=every))
    # Windows fall due all through the stall; those of its first third waited for more than two thirds of it.
    third = STALL_SECONDS / 3

    def long(result: load.Result) -> float:
        return result.latency.share_above(2 * third * 1000) * result.latency.count

    assert long(opened) >= 0.6 * characters * third / every
    # Whatever fell due counts, also what came after the end.
    assert opened.latency.count == pytest.approx(characters * 2.0 / every, abs=characters)
    assert not opened.errors


def test_latencies_are_those_of_all_durations_within_a_thousandth() -> None:
    durations = np.random.default_rng(2).lognormal(16.0, 1.0, 5003).astype(np.int64)
    halves = [Latencies(), Latencies()]
    for index, duration in enumerate(durations.tolist()):
        halves[index % 2].record(duration)
    halves[0].add(halves[1])
    percents = [50.0, 90.0, 99.0, 99.9]
    exact = np.percentile(durations, percents, method="inverted_cdf") / 1e6
    np.testing.assert_allclose(halves[0].curve(percents), exact, rtol=2e-3)
    for limit_ms in (1.0, 10.0, 100.0):
        assert abs(halves[0].share_above(limit_ms) - (durations > limit_ms * 1e6).mean()) < 2e-3


def test_a_run_reports_the_server_beside_its_floors(bundle_path: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    result = run(
        "serve", "--bundle", str(bundle_path), "--characters", "1,6", "--seconds", "1", "--rounds", "1",
        "--steps", "4", "--min-steps", "1", "--serve-option=--max-batch-ms=40", "--check", "--out", str(out),
    )  # fmt: skip
    # Neither 64 nor 250 characters were asked for, so that not all that is promised was measured.
    assert result.exit_code == 1
    assert "not measured: real time: 99th percentile" in result.output
    assert "met: bytes a second and character, 6 character(s)" in result.output
    found = json.loads((out / "serve.json").read_text(encoding="utf-8"))
    assert [row["characters"] for row in found["rows"]] == [1, 6]
    for row in found["rows"]:
        for loop in ("echo", "closed_loop", "open_loop", "re_planning"):
            assert row[loop]["windows"] >= row["characters"], loop
            assert not set(row[loop]["errors"]) - {"DEADLINE"}, loop
        assert 0 < row["model_cpu_share"] < 1
        assert row["server_cpu_ms_per_window"] > 0
        assert row["latency_over_floor"] > 0
        assert 1 <= row["mean_batch"] <= row["characters"]
        assert 152 * 30 < row["bytes_per_character_second"] < 6000
        assert set(row["closed_loop"]["steps"]) <= {"1", "2", "4"}
        stages = row["closed_loop"]["stages_ms"]
        assert stages["inference"]["p50"] <= stages["server_total"]["max"]
        # A changed control shows four frames later at the earliest, less what the client's clock is within a frame.
        assert row["re_planning"]["response_ms"]["p50"] > 3 / 30 * 1000
    text = (out / "serve.md").read_text(encoding="utf-8")
    assert "in real time" in text
    assert "--max-batch-ms=40" in text
    for picture in ("latency.png", "stages.png"):
        assert (out / picture).read_bytes().startswith(b"\x89PNG")


def measured(characters: int, p99_ms: float, share: float = 0.7) -> Row:
    """A row of the bench in whose real-time loads one window in fifty takes so many milliseconds."""
    row = Row(characters, model_shares=[share], ratios=[2.0])
    row.closed.received_bytes, row.closed.windows = 2560 * 100, 100
    for latencies in (row.open.latency, row.replan.latency, row.replan.response):
        for index in range(500):
            latencies.record(int((p99_ms if index % 50 == 0 else 20.0) * 1e6))
    return row


def test_figures_are_held_against_what_is_promised() -> None:
    good = [measured(1, 30.0), measured(64, 40.0), measured(150, 150.0), measured(250, 190.0)]
    assert all(verdict.met for verdict in verdicts(good))
    missed = [v for v in verdicts([*good[:2], measured(150, 210.0), measured(250, 210.0, share=0.5)]) if not v.met]
    assert {(v.characters, v.must.name.split(":")[0]) for v in missed} == {
        (150, "re-planning"),
        (250, "real time"),
        (250, "share of processor time in the network"),
    }
    assert all("MISSED" in verdict.line() for verdict in missed)
    assert not any("share" in v.must.name for v in verdicts([measured(250, 20.0, share=0.3)], threads=2))
    absent = [verdict.line() for verdict in verdicts(good[:2]) if not verdict.met]
    assert len(absent) == 2
    assert all(line.startswith("not measured") for line in absent)


def test_a_soak_looks_at_the_memory_and_fails_when_it_grew(bundle_path: Path, tmp_path: Path) -> None:
    result = run(
        "soak", "--bundle", str(bundle_path), "--characters", "4", "--windows", "60", "--warm-up", "20",
        "--looks", "3", "--max-growth-mb", "-1000", "--out", str(tmp_path),
    )  # fmt: skip
    assert result.exit_code == 1
    assert "allowed: -1000 MB" in result.output
    found = json.loads((tmp_path / "soak.json").read_text(encoding="utf-8"))
    assert len(found["samples"]) == 4
    assert found["windows"] >= 80
    assert all(sample["memory_bytes"] > 1e6 for sample in found["samples"])
    assert (tmp_path / "memory.png").read_bytes().startswith(b"\x89PNG")


def test_of_the_shipped_model_most_of_the_processor_time_is_in_the_network(tmp_path: Path) -> None:
    """The short form of what is promised, as far as it does not hang on how busy the machine is."""
    result = run("serve", "--characters", "64", "--seconds", "1.5", "--rounds", "1", "--out", str(tmp_path))
    assert result.exit_code == 0, result.output
    (row,) = json.loads((tmp_path / "serve.json").read_text(encoding="utf-8"))["rows"]
    assert row["model_cpu_share"] >= 0.6
    assert row["bytes_per_character_second"] <= 5000
    assert row["closed_loop"]["windows"] > 64


def test_memory_does_not_grow_with_the_windows(bundle_path: Path, tmp_path: Path) -> None:
    result = run(
        "soak", "--bundle", str(bundle_path), "--characters", "16", "--windows", "2000", "--warm-up", "1000",
        "--looks", "4", "--max-growth-mb", "10", "--out", str(tmp_path),
    )  # fmt: skip
    # A window's frames are 6 KB: to keep them would be 12 MB.
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "soak.json").read_text(encoding="utf-8"))["windows"] >= 3000


def test_memory_that_goes_on_growing_is_told_from_memory_that_goes_up_and_down() -> None:
    def soaked(megabytes: np.ndarray) -> Soak:
        windows = range(5000, 5000 + 5000 * len(megabytes), 5000)
        return Soak(5000, [Sample(n, mb * 1e6, 1.0, 2.0) for n, mb in zip(windows, megabytes.tolist())])

    looks = np.arange(41)
    noise = np.random.default_rng(0).uniform(-1.0, 1.0, 41)
    settling = 200.0 - 10.0 * np.exp(-looks / 1.0)
    # A tenth of a megabyte to 5,000 windows: 20 bytes a window.
    assert soaked(settling + noise).later_grown_bytes < 0.5e6
    assert soaked(settling + noise + 0.1 * looks).later_grown_bytes > 1.5e6
    assert np.isnan(soaked(settling[:9]).later_grown_bytes)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("serve", "--steps", "3"), "3 is not among this bundle's: 1, 2, 4"),
        (("serve", "--characters", "2000"), "1 to 1024"),
        (("serve", "--characters", "one"), "not a list of numbers"),
        (("soak", "--bundle", "/nowhere"), "no such bundle directory"),
    ],
)
def test_what_cannot_be_measured_is_refused(bundle_path: Path, arguments: tuple[str, ...], said: str) -> None:
    result = run(*arguments, *(() if "--bundle" in arguments else ("--bundle", str(bundle_path))))
    assert result.exit_code != 0
    assert said in result.output


def test_a_server_that_does_not_start_is_told_with_its_last_words() -> None:
    with pytest.raises(ProcessError, match="no such bundle directory"), strut_server(["--bundle", "/nowhere"]):
        pass


def test_what_a_log_says_of_faults_is_found_among_the_rest() -> None:
    head = "2026-11-21 21:42:30,752"
    fault = f"{head} ERROR strut_server.windows: incident 4f: a stream failed\nTraceback ...\nKeyError: 'name'\n"
    log = f"{head} INFO strut_server: stream opened\n{fault}{head} WARNING strut_server: ERROR is not its level\n"
    assert troubles(log) == fault
    assert troubles(log.replace(fault, "")) == log.replace(fault, "")


def test_a_servers_log_can_be_read_while_it_runs_and_nothing_is_lost(bundle_path: Path) -> None:
    with strut_server(["--bundle", str(bundle_path)]) as server:
        first = server.log_text()
        assert "the network runs on" in first
        with Stream(server.address, name="reader"):
            give_up = time.monotonic() + 30
            while "opened by 'reader'" not in (later := server.log_text()):
                assert time.monotonic() < give_up, later
                server.log.seek(0)  # wherever the reader stands, the server writes at the end
                time.sleep(0.02)
        assert later.startswith(first)


def test_the_bench_of_the_model_is_among_the_commands() -> None:
    assert "model" in run("--help").output
