"""Batches on the workers of a real Ray cluster of two nodes, one of which loses its worker in the middle."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from strut_client import Client
from strut_model.bundle import load_bundle
from strut_model.features import FEATURES, WINDOW
from strut_model.streaming.devices import DeviceError
from strut_model.streaming.engine import OnnxEngine
from strut_server.cluster.autoscaler import Autoscaler
from strut_server.local import local_server
from strut_server.settings import ServerSettings, SettingError

PATIENCE = 60.0


def wait_until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"no {what}"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A Ray cluster of two nodes with room for one worker each; skipped where Ray is not installed."""
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'strut-motion[cluster]'")
    from ray.cluster_utils import Cluster

    node: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80 * 1024 * 1024, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    cluster.add_node(**node)
    yield cluster.address
    ray.shutdown()
    cluster.shutdown()


def test_a_worker_killed_in_the_middle_costs_no_window_and_is_replaced(address: str, bundle_path: Path) -> None:
    import ray

    from strut_server.cluster.engine import ClusterEngine

    bundle = load_bundle(bundle_path)
    own = OnnxEngine(bundle)
    settings = ServerSettings(bundle=bundle_path, cluster=True, cluster_address=address, min_workers=2, max_workers=2)
    engine = ClusterEngine(bundle, own, settings)
    pool = engine.pool
    pool.wait_ready()
    assert len({node["NodeID"] for node in ray.nodes() if node["Alive"]}) == 2
    pids = {worker.pid for worker in pool.workers()}
    assert len(pids) == 2
    generator = np.random.default_rng(4)
    noise = generator.standard_normal((21, 2, WINDOW, FEATURES), np.float32)
    conditions = {
        name: generator.standard_normal((21, *(int(size or 0) for size in shape[1:])), np.float32)
        for name, shape in bundle.student_inputs().items()
        if name not in ("noisy", "time")
    }
    expected = own.sample(conditions, noise, 2)
    killed = min(pids)
    for round_number in range(12):
        if round_number == 4:
            os.kill(killed, signal.SIGKILL)
        np.testing.assert_allclose(engine.sample(conditions, noise, 2), expected, atol=1e-4)
    assert pool.lost == engine.retried == 1
    wait_until(lambda: len(pool.workers()) == 2, "worker in place of the one that was killed")
    assert killed not in {worker.pid for worker in pool.workers()}
    # One that dies while nothing is asked of it is replaced, too.
    idle = max(worker.pid for worker in pool.workers())
    os.kill(idle, signal.SIGKILL)
    wait_until(lambda: pool.lost == 2 and len(pool.workers()) == 2, "worker in place of the idle one")
    assert idle not in {worker.pid for worker in pool.workers()}
    # With every worker gone at once, windows are made by the front itself.
    for worker in pool.workers():
        os.kill(worker.pid, signal.SIGKILL)
    np.testing.assert_allclose(engine.sample(conditions, noise, 2), expected, atol=1e-4)
    del engine
    assert pool.workers() == []


def test_streams_go_on_while_workers_come_and_die(address: str, bundle_path: Path) -> None:
    settings = ServerSettings(
        port=0, bundle=bundle_path, cluster=True, cluster_address=address, max_workers=2, scale_up_wait_ms=0.01
    )
    with local_server(settings) as server, Client(server.address) as client:
        assert server._server is not None
        pool = server._server.runtime.serving.workers
        assert pool is not None
        characters = [client.character(content="walk", deadline_ms=5000) for _ in range(24)]
        counts = []

        def advance() -> bool:
            counts.append(len(client.advance(characters)))
            return len(pool.workers()) == 2

        wait_until(advance, "second worker, although requests wait")
        before = pool.lost
        os.kill(pool.workers()[0].pid, signal.SIGKILL)
        wait_until(lambda: advance() and pool.lost == before + 1, "replaced worker")
        assert set(counts) == {24}
        assert {character.frame for character in characters} == {16 * len(counts)}


def test_workers_are_added_while_requests_wait_and_taken_away_when_it_is_calm() -> None:
    scaler = Autoscaler(1, 3, wait_seconds=0.03, calm_seconds=10.0)
    assert scaler.observe(0.02, ready=1, now=0.0) == 1
    assert scaler.observe(0.05, ready=1, now=1.0) == 2
    # The second one has not started yet: no third one is asked for.
    assert scaler.observe(0.05, ready=1, now=2.0) == 2
    assert scaler.observe(0.05, ready=2, now=3.0) == 3
    assert scaler.observe(0.05, ready=3, now=4.0) == 3
    assert scaler.observe(0.001, ready=3, now=5.0) == 3
    assert scaler.observe(None, ready=3, now=14.9) == 3
    assert scaler.observe(None, ready=3, now=15.0) == 2
    # Waiting a little is a reason to keep what there is.
    assert scaler.observe(0.02, ready=2, now=24.9) == 2
    assert scaler.observe(0.001, ready=2, now=25.0) == 2
    assert scaler.observe(0.001, ready=2, now=35.0) == 1
    assert scaler.observe(0.001, ready=1, now=45.0) == 1


def test_more_workers_at_least_than_at_most_are_refused() -> None:
    with pytest.raises(SettingError, match="min_workers: 3 is out of range; allowed: 1 to 2"):
        ServerSettings(min_workers=3, max_workers=2)


def test_workers_that_cannot_start_are_an_error_that_says_why(address: str, bundle_path: Path, tmp_path: Path) -> None:
    from strut_server.cluster.pool import WorkerPool

    folder = tmp_path / "broken"
    shutil.copytree(bundle_path, folder)
    bundle = load_bundle(folder)
    bundle.student_path.write_bytes(b"no network")
    pool = WorkerPool(bundle, ServerSettings(cluster=True, cluster_address=address))
    with pytest.raises(DeviceError, match=r"min_workers: 1, and 0 started(.|\n)*student\.onnx"):
        pool.wait_ready()
    pool.close()
