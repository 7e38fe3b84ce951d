"""Styles and presets that clients make, on a real server with a database of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.bundles import STYLES
from tests.client.servers import ServerProcess, serving
from tests.model.rigs import Rig, build, walking

from strut_client import (
    AsyncClient,
    Client,
    InvalidRequestError,
    NotFoundError,
    PartStyle,
    PreconditionError,
    Preset,
    ReleasedError,
    StyleMix,
)
from strut_model.bvh import format_bvh

MIX = StyleMix(
    {"active": 2, "elderly": 1}, strength=0.75, parts={"left_arm": PartStyle({"youthful": 1}, strength=1.25)}
)


@pytest.fixture(scope="module")
def store(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server whose styles these tests change."""
    folder = tmp_path_factory.mktemp("store")
    with serving(bundle, 0, "--database", f"sqlite:///{folder / 'styles.db'}") as process:
        yield process


@pytest.fixture
def maker(store: ServerProcess) -> Iterator[Client]:
    with Client(store.address) as connected:
        yield connected


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A walk of another rig, as a file."""
    path = tmp_path_factory.mktemp("clips") / "walk.bvh"
    path.write_text(format_bvh(build(Rig(), walking(120))), encoding="utf-8")
    return path


def test_a_mix_is_stored_counted_and_walked_in(maker: Client, store: ServerProcess) -> None:
    assert maker.server.model.style_count == len(STYLES)
    made = maker.create_style("half-old", MIX, description="half")
    assert (made.name, made.source, made.description) == ("half-old", "mix", "half")
    assert made.vector is not None
    by_mix, by_name = (maker.character(style, "walk", seed=3).next() for style in (MIX, "half-old"))
    np.testing.assert_array_equal(by_mix.motion.rotations, by_name.motion.rotations)
    # A vector is a mix of itself alone.
    again = maker.create_style("half-old-again", made.vector)
    np.testing.assert_allclose(again.vector, made.vector, atol=1e-6)
    with Client(store.address) as late:
        assert late.server.model.style_count == len(STYLES) + 2
    for name in ("half-old", "half-old-again"):
        maker.delete_style(name)
    with pytest.raises(NotFoundError):
        maker.style("half-old")


def test_clips_become_a_style_by_path_and_by_bytes(maker: Client, walk: Path) -> None:
    seen: list[float] = []
    by_path = maker.create_style("by_path", clips=[walk], on_progress=lambda share, _: seen.append(share))
    by_bytes = maker.create_style("by_bytes", clips=[("walk.bvh", walk.read_bytes())])
    assert (by_path.source, by_path.provenance) == ("clip", "walk.bvh")
    assert by_path.vector is not None
    np.testing.assert_array_equal(by_path.vector, by_bytes.vector)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_what_cannot_be_made_is_told(maker: Client, walk: Path) -> None:
    with pytest.raises(PreconditionError) as taken:
        maker.create_style("active", {"elderly": 1})
    assert taken.value.reason == "STYLE_EXISTS"
    with pytest.raises(InvalidRequestError) as unknown:
        maker.create_style("new", {"elderli": 1})
    assert "elderly" in unknown.value.violations[0].description
    with pytest.raises(InvalidRequestError) as broken:
        maker.create_style("new", clips=[("noise.bvh", b"no motion")])
    assert broken.value.reason == "UNREADABLE_FILE"
    with pytest.raises(PreconditionError):
        maker.delete_style("active")
    for style, clips in ((None, []), ("elderly", [walk])):
        with pytest.raises(ValueError, match="style, clips"):
            maker.create_style("new", style, clips=clips)
    assert "new" not in [style.name for style in maker.styles()]


def test_who_does_not_go_on_waiting_cancels_the_work(maker: Client, walk: Path) -> None:
    def enough(share: float, message: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        maker.create_style("given-up", clips=[walk], on_progress=enough)
    assert "given-up" not in [style.name for style in maker.styles()]


def test_presets_are_saved_listed_worn_and_deleted(maker: Client) -> None:
    saved = maker.save_preset(Preset("night watch", "tired guards", MIX))
    assert saved == Preset("night watch", "tired guards", MIX, "local")
    maker.save_preset(Preset("nobody"))
    assert [preset.name for preset in maker.presets()] == ["night watch", "nobody"]
    style = maker.presets()[0].style
    assert style == MIX
    worn, given = (maker.character(each, "walk", seed=3).next() for each in (style, MIX))
    np.testing.assert_array_equal(worn.motion.rotations, given.motion.rotations)
    assert maker.presets()[1].style is None
    for name in ("night watch", "nobody"):
        maker.delete_preset(name)
    assert maker.presets() == []
    with pytest.raises(NotFoundError):
        maker.delete_preset("nobody")
    with pytest.raises(InvalidRequestError):
        maker.save_preset(Preset("wrong", style=StyleMix({"nothing": 1})))


def test_the_asyncio_client_does_the_same(store: ServerProcess, walk: Path) -> None:
    async def use() -> None:
        async with AsyncClient(store.address) as client:
            made = await client.create_style("elsewhere", clips=[walk])
            assert made.vector is not None
            assert "elsewhere" in [style.name for style in await client.styles()]
            await client.delete_style("elsewhere")
            assert (await client.save_preset(Preset("a", style=MIX))).style == MIX
            assert [preset.name for preset in await client.presets()] == ["a"]
            await client.delete_preset("a")
            with pytest.raises(NotFoundError):
                await client.style("elsewhere")
            task = asyncio.ensure_future(client.create_style("cancelled", clips=[walk]))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises((asyncio.CancelledError, ReleasedError)):
                await task
            assert "cancelled" not in [style.name for style in await client.styles()]

    asyncio.run(use())
