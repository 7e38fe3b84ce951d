"""The asyncio client against a real server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from tests.bundles import STYLES
from tests.client.servers import ServerProcess, free_port, serving

import strut_client
from strut_client import AsyncClient, Client, Controls, Motion, Plan, TrajectorySample, Window, WindowQuery

T = TypeVar("T")


def straight(seconds: float = 0.5, speed: float = 1.2) -> list[TrajectorySample]:
    return [TrajectorySample((0.0, speed * t), time=t) for t in np.linspace(0.0, seconds, 5).tolist()]


def with_client(server: ServerProcess, use: Callable[[AsyncClient], Awaitable[T]]) -> T:
    """Runs a coroutine with a client of the server."""

    async def main() -> T:
        async with AsyncClient(server.address) as client:
            return await use(client)

    return asyncio.run(main())


def test_ten_lines_make_a_walking_character(server: ServerProcess) -> None:
    async def walk(client: AsyncClient) -> list[Window]:
        walker = await client.character(style="youthful", content="walk")
        return [window async for window in walker.walk_along([(0, 2), (1.5, 3)], speed=1.2)]

    windows = with_client(server, walk)
    assert [window.start_frame for window in windows] == list(range(0, 16 * len(windows), 16))
    motion = Motion.concatenate([window.motion for window in windows])
    assert np.linalg.norm(motion.root_position[-1] - [1.5, 3.0]) < 0.15


def test_both_clients_give_the_same_motion(server: ServerProcess, client: Client) -> None:
    async def walk(client: AsyncClient) -> list[Window]:
        walker = await client.character("active", "walk", seed=11)
        return [await walker.next(straight()) for _ in range(3)]

    walker = client.character("active", "walk", seed=11)
    for one, other in zip(with_client(server, walk), [walker.next(straight()) for _ in range(3)]):
        np.testing.assert_allclose(one.motion.rotations, other.motion.rotations, atol=1e-4)
        np.testing.assert_allclose(one.motion.root_position, other.motion.root_position, atol=1e-4)


def test_characters_advance_side_by_side_and_together(server: ServerProcess) -> None:
    async def crowd(client: AsyncClient) -> None:
        characters = [await client.character(style, "walk") for style in STYLES]
        windows = await asyncio.gather(*(character.next(straight()) for character in characters))
        assert [window.start_frame for window in windows] == [0] * len(characters)
        together = await client.advance(characters, [Plan(straight()) for _ in characters])
        assert [window.start_frame for window in together] == [16] * len(characters)

    with_client(server, crowd)


def test_a_gesture_is_played_in_place(server: ServerProcess) -> None:
    async def wave(client: AsyncClient) -> list[Window]:
        actor = await client.character("normal", "idle", position=(1.0, 2.0))
        windows = [window async for window in actor.play("wave", seconds=1.0)]
        assert actor.content == "idle"
        return windows

    windows = with_client(server, wave)
    assert windows[-1].end_frame >= 30
    assert np.linalg.norm(windows[-1].motion.root_position[-1] - [1.0, 2.0]) < 0.1


def test_styles_and_windows_without_a_stream(server: ServerProcess) -> None:
    async def ask(client: AsyncClient) -> None:
        assert [style.name for style in await client.styles()] == sorted(STYLES)
        vector = (await client.style("elderly")).vector
        assert vector is not None
        good, bad = await client.generate_windows(
            [WindowQuery(Controls("walk", vector)), WindowQuery(Controls("cartwheel"))]
        )
        assert isinstance(good, Window)
        assert isinstance(bad, strut_client.InvalidRequestError)
        with pytest.raises(strut_client.NotFoundError):
            await client.style("sleepy")

    with_client(server, ask)


def test_a_refused_field_is_named(server: ServerProcess) -> None:
    async def ask(client: AsyncClient) -> None:
        walker = await client.character("sleepy", "walk")
        with pytest.raises(strut_client.InvalidRequestError) as caught:
            await walker.next(straight())
        assert caught.value.violations[0].field == "controls.style.components[0].name"
        walker.style = "normal"
        assert (await walker.next(straight())).start_frame == 0

    with_client(server, ask)


def test_a_cancelled_wait_does_not_harm_the_character(server: ServerProcess) -> None:
    async def ask(client: AsyncClient) -> None:
        walker = await client.character("normal", "walk")
        await walker.next(straight())
        waiting = asyncio.create_task(walker.next(straight()))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (await walker.next(straight())).start_frame == 16

    with_client(server, ask)


def test_a_server_that_is_not_there_is_unavailable_after_patience() -> None:
    async def connect() -> None:
        async with AsyncClient(f"127.0.0.1:{free_port()}", patience=0.3) as client:
            with pytest.raises((strut_client.UnavailableError, strut_client.LateError)):
                await client.character("normal", "walk")

    asyncio.run(connect())


def test_a_killed_server_is_a_pause(bundle: Path) -> None:
    async def walk() -> None:
        port = free_port()
        async with AsyncClient(f"127.0.0.1:{port}", patience=60.0) as client:
            with serving(bundle, port) as first:
                walker = await client.character("normal", "walk")
                await walker.next(straight())
                first.kill()
            with serving(bundle, port):
                assert (await walker.next(straight())).start_frame == 16

    asyncio.run(walk())
