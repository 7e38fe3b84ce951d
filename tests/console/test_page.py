"""The console in a real browser: what a designer does, and what becomes of it on the stage and on the server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from playwright.sync_api import Browser
from tests.console.browser import LAPTOP, TABLET, Console, until
from tests.model.rigs import Rig, build, walking

from strut_client import Client
from strut_model.bvh import format_bvh
from strut_model.skeleton import JOINT_INDEX
from strut_server.access import new_token
from strut_server.local import LocalServer, local_server
from strut_server.settings import ServerSettings

HEAD, PELVIS = JOINT_INDEX["head"], JOINT_INDEX["pelvis"]
LEFT_WRIST, RIGHT_WRIST = JOINT_INDEX["left_wrist"], JOINT_INDEX["right_wrist"]


def bow(joints: np.ndarray) -> float:
    """How far the head is in front of the pelvis on average, and how low: metres; more is more bowed."""
    lean = np.linalg.norm((joints[:, HEAD] - joints[:, PELVIS])[:, [0, 2]], axis=-1)
    return float(np.mean(lean - joints[:, HEAD, 1]))


def choose_style(console: Console, name: str) -> None:
    console.page.get_by_label("Search styles").fill(name)
    console.page.get_by_label("Stored styles").get_by_role("button", name=name, exact=True).click()
    console.page.get_by_label("Search styles").fill("")


# Motion.


def test_a_character_walks_as_soon_as_the_page_is_open(console: Console) -> None:
    before = console.joints()
    console.settled()
    after = console.joints()

    assert np.linalg.norm(after[PELVIS] - before[PELVIS]) > 0.3
    assert 1.0 < after[HEAD, 1] < 1.8
    assert min(after[:, 1]) > -0.1


def test_a_chosen_style_shows_in_the_joints_and_is_undone(console: Console) -> None:
    console.settled()
    upright = bow(console.watch(1.5)[0])
    choose_style(console, "elderly")
    console.settled(frames=75)
    bowed = bow(console.watch(1.5)[0])
    assert bowed > upright + 0.04

    console.button("Undo").click()
    console.settled(frames=75)
    assert bow(console.watch(1.5)[0]) < bowed - 0.04
    assert console.state("looks[0].style.components[0].name") != "elderly"
    console.button("Redo").click()
    assert console.state("looks[0].style.components[0].name") == "elderly"


def test_a_slider_moved_by_keys_reaches_the_character(console: Console) -> None:
    choose_style(console, "elderly")
    console.settled(frames=75)
    bowed = bow(console.watch(1.5)[0])
    shown = console.figures()["response"]["count"]
    console.slide("Strength", "Home")
    assert console.state("looks[0].style.strength") == 0
    until(lambda: console.figures()["response"]["count"] > shown, "the change is on screen")
    console.settled(frames=75)

    assert bow(console.watch(1.5)[0]) < bowed - 0.04


def test_styles_are_mixed_weighted_and_taken_out(console: Console) -> None:
    choose_style(console, "elderly")
    console.button("Add active to the mix").click()
    console.slide("active", "Home")
    console.slide("active", "PageUp", 3)
    components = console.state("looks[0].style.components")
    assert [one["name"] for one in components] == ["elderly", "active"]
    assert 0 < components[1]["weight"] < 1
    console.settled()
    console.button("Take elderly out of the mix").click()
    assert [one["name"] for one in console.state("looks[0].style.components")] == ["active"]
    console.settled()


def test_a_part_of_the_body_gets_a_style_of_its_own(console: Console) -> None:
    part = console.page.get_by_role("button", name="Left arm: as the body")
    part.focus()
    part.press("Enter")
    console.page.get_by_label("Style of the part").select_option("elderly")
    console.slide("Part strength", "End")

    assert console.state("looks[0].style.parts") == {"leftArm": {"style": "elderly", "strength": 1.5}}
    console.settled()
    console.page.get_by_label("Style of the part").select_option("")
    assert console.state("looks[0].style.parts") == {}


def test_two_takes_are_switched(console: Console) -> None:
    choose_style(console, "elderly")
    console.page.locator("canvas").first.focus()
    console.page.keyboard.press("t")
    choose_style(console, "active")
    other = console.state("looks[0].style.components[0].name")
    console.button("A").click()
    assert console.state("looks[0].style.components[0].name") == "elderly"
    console.button("B").click()
    assert console.state("looks[0].style.components[0].name") == other


def test_a_preset_is_stored_and_there_after_a_reload(console: Console) -> None:
    choose_style(console, "elderly")
    console.slide("Strength", "ArrowLeft", 5)
    style = console.state("looks[0].style")
    console.button("Save as…").click()
    console.page.get_by_label("Name of the preset").fill("old and tired")
    console.button("Save").click()
    until(lambda: "old and tired" in console.state("presets.map(p => p.name)"), "the preset is listed")
    console.reload()
    console.streaming()
    assert console.state("looks[0].style") != style

    console.page.get_by_label("Preset", exact=True).select_option("old and tired")
    console.button("Apply").click()

    applied = console.state("looks[0].style")
    assert applied["components"] == style["components"]
    assert applied["strength"] == pytest.approx(style["strength"], abs=1e-6)
    console.settled()
    console.button("Delete the preset").click()
    until(lambda: console.state("presets.length") == 0, "the preset is gone")


def test_a_clip_is_shown_tried_stored_and_there_after_a_reload(console: Console, tmp_path: Path) -> None:
    clip = tmp_path / "My Walk.bvh"
    clip.write_text(format_bvh(build(Rig(), walking(120))))
    console.page.get_by_label("BVH file").set_input_files(clip)
    console.page.get_by_text("joints mapped").wait_for()
    first = np.array(console.page.evaluate("[...window.strut.director.stage.places(-1)]")).reshape(22, 3)
    console.settled()
    later = np.array(console.page.evaluate("[...window.strut.director.stage.places(-1)]")).reshape(22, 3)
    assert np.abs(later - first).max() > 0.05
    assert 1.0 < later[HEAD, 1] < 1.9
    console.button("Try it").click()
    assert console.state("looks[0].style.components[0].vector.length") == 320
    console.settled()
    names = console.state("styles.map(s => s.name)")
    assert "my-walk" not in names

    console.button("Store").click()
    until(lambda: "my-walk" in console.state("styles.map(s => s.name)"), "the style is listed")
    console.reload()
    console.streaming()
    choose_style(console, "my-walk")
    console.settled()
    console.button("Delete my-walk").click()
    until(lambda: console.state("styles.map(s => s.name)") == names, "the style is gone")


def test_a_file_that_is_no_clip_says_why(console: Console, tmp_path: Path) -> None:
    clip = tmp_path / "broken.bvh"
    clip.write_text("HIERARCHY\nROOT nothing\n")
    console.page.get_by_label("BVH file").set_input_files(clip)
    alert = console.page.get_by_role("alert")
    alert.wait_for()
    assert "broken.bvh" in alert.inner_text()
    assert console.state("clip") is None


def test_places_and_ground_reach_the_character(console: Console) -> None:
    console.page.get_by_label("Scene presets").get_by_role("button", name="deep-snow").click()
    console.slide("Alpha", "ArrowLeft", 3)
    console.settled()
    scene = console.state("looks[0].scene")
    assert (scene["preset"], scene["alpha"]) == ("deep-snow", pytest.approx(0.97))
    console.page.get_by_label("Scene presets").locator("..").get_by_role("button", name="None").click()
    console.slide("Slope", "ArrowRight", 16)
    console.settled(frames=90)
    joints = console.joints()
    expected = np.tan(np.radians(8.0)) * joints[PELVIS, 2]
    assert joints[[7, 8, 10, 11], 1].min() == pytest.approx(expected, abs=0.3)
    sketch = console.page.get_by_label("Sketch of the ground")
    sketch.focus()
    for key in ("ArrowUp", "+", "+", "ArrowLeft", "-"):
        sketch.press(key)
    heights = console.state("looks[0].scene.relief.heights")
    assert len(heights) == 33 * 33
    assert max(heights) > 0.05
    console.settled()
    console.button("Level").click()
    assert console.state("looks[0].scene.relief") is None


# Control.


def test_keys_steer_and_a_drawn_path_is_walked(console: Console) -> None:
    canvas = console.page.locator("canvas").first
    canvas.focus()
    start = np.array(console.snapshot()["root"][:2])
    ahead = console.page.evaluate("window.strut.director.stage.directions().ahead")

    def place() -> np.ndarray:
        return np.array(console.snapshot()["root"][:2])

    def step() -> float:
        """Metres that it goes in about half a second."""
        before = place()
        console.settled(frames=15)
        return float(np.linalg.norm(place() - before))

    console.page.keyboard.down("w")
    until(lambda: (place() - start) @ np.array([ahead["x"], ahead["z"]]) > 0.8, "it goes where the camera looks")
    console.page.keyboard.up("w")
    until(lambda: step() < 0.1, "it stands")
    standing = place()

    console.page.get_by_role("radio", name="Draw a path").click()
    box = canvas.bounding_box()
    assert box is not None
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.7)
    console.page.mouse.move(*middle)
    console.page.mouse.down()
    for step in range(1, 9):
        console.page.mouse.move(middle[0] + 14 * step, middle[1] + 3 * step)
    console.page.mouse.up()
    goal = console.page.evaluate(
        "(() => { const p = window.strut.director; const r = p.slots[0].route.points.at(-1); return [r.x, r.z]; })()"
    )
    before = np.linalg.norm(np.array(goal) - standing)
    assert before > 0.5
    until(
        lambda: np.linalg.norm(np.array(console.snapshot()["root"][:2]) - np.array(goal)) < 0.6,
        "the character is at the end of its path",
    )


def test_paused_it_plays_single_frames(console: Console) -> None:
    console.button("Pause").click()
    held = console.snapshot()["playhead"]
    console.page.wait_for_timeout(500)
    assert console.snapshot()["playhead"] == held
    for _ in range(3):
        now = console.snapshot()["playhead"]
        console.button("One frame").click()
        until(lambda now=now: console.snapshot()["playhead"] == pytest.approx(now + 1), "one frame more")
    console.page.keyboard.press("Escape")
    console.page.locator("canvas").first.focus()
    console.page.keyboard.press("Space")
    console.settled()
    assert console.state("paused") is False


def test_a_ghost_walks_beside_in_another_style(console: Console) -> None:
    console.page.get_by_role("switch", name="Ghost").click()
    console.page.get_by_label("Style of the ghost").select_option("elderly")
    ghost = "window.strut.director.ghost.character"
    until(lambda: console.page.evaluate(f"{ghost}?.pacer.state") == "Streaming", "the ghost streams")

    def head() -> float:
        places = console.page.evaluate(f"[...window.strut.director.stage.places({ghost}.number)]")
        return float(np.array(places).reshape(22, 3)[HEAD, 1])

    until(lambda: head() < console.joints()[HEAD, 1] - 0.04, "the ghost is bowed, the character is not")
    console.page.get_by_role("switch", name="Ghost").click()
    until(lambda: console.page.evaluate("window.strut.director.ghost") is None, "the ghost is gone")


# The server's side.


def test_the_latency_panel_shows_what_telemetry_tells(console: Console) -> None:
    console.tab("Latency")
    row = console.page.get_by_role("row", name="Inference")
    until(lambda: any(cell.strip("–") for cell in row.get_by_role("cell").all_inner_texts()), "inference has figures")
    cells = [float(text) for text in row.get_by_role("cell").all_inner_texts()]
    assert cells[1] <= cells[2] <= cells[4]
    assert cells[0] > 0
    assert console.page.locator(".chart canvas").count() == 1


def test_a_designer_turns_a_running_game(console: Console, server: LocalServer) -> None:
    console.tab("Engine")
    with Client(server.address, client_name="a game") as client:
        walker = client.character(style="youthful", content="walk", name="Guard")
        client.advance([walker])
        console.page.get_by_role("button", name="Guard").click()
        console.page.get_by_label("Style", exact=True).last.select_option("elderly")
        console.button("Override").click()
        console.page.get_by_text("overridden", exact=True).wait_for()
        assert "CONTROLS_OVERRIDDEN" in {one.code for one in client.advance([walker])[0].warnings}
        console.button("Lift").click()
        console.page.get_by_text("overridden", exact=True).wait_for(state="detached")
        assert client.advance([walker])[0].warnings == ()
    console.page.get_by_text("Nobody streams").wait_for()


def test_the_server_goes_and_comes_back(browser: Browser) -> None:
    settings = ServerSettings(port=0, console_port=0)
    with local_server(settings) as first:
        console = Console(browser, first.console_url or "")
        console.streaming()
        port = int((first.console_url or "").rstrip("/").rpartition(":")[2])
    until(lambda: console.state("connection") == "lost", "the page has noticed")
    console.page.get_by_text("Server gone").wait_for()
    until(lambda: console.snapshot()["state"] in ("Easing", "Idle"), "the character comes to rest")
    before = console.joints()
    assert np.isfinite(before).all()
    with local_server(ServerSettings(port=0, console_port=port)):
        until(lambda: console.state("connection") == "ready", "the page is back")
        console.streaming()
        # It goes on from where it stood.
        assert np.linalg.norm(console.joints()[PELVIS] - before[PELVIS]) < 3.0
        console.settled()
        assert console.complaints == []
    console.close()


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[tuple[LocalServer, dict[str, str]]]:
    """A server with tokens, and the tokens by role."""
    tokens, rows = {}, []
    for role in ("stream", "design"):
        tokens[role], digest = new_token()
        rows.append({"name": role, "role": role, "sha256": digest})
    path = tmp_path / "tokens.yaml"
    path.write_text(yaml.safe_dump({"callers": rows}))
    with local_server(ServerSettings(port=0, console_port=0, tokens=path)) as running:
        yield running, tokens


def test_a_token_is_asked_for_kept_for_the_tab_and_its_role_respected(
    browser: Browser, guarded: tuple[LocalServer, dict[str, str]]
) -> None:
    running, tokens = guarded
    console = Console(browser, running.console_url or "")
    field = console.page.get_by_role("textbox", name="Token")
    field.fill("a guess")
    console.button("Enter").click()
    console.page.get_by_role("alert").wait_for()
    assert console.state("connection") == "refused"
    field.fill(tokens["stream"])
    console.button("Enter").click()
    console.streaming()
    console.tab("Engine")
    assert "design" in console.page.get_by_role("alert").inner_text()
    console.reload()
    console.streaming()
    # Nothing of it lies in the page or where other tabs could read it.
    assert tokens["stream"] not in console.page.content()
    assert console.page.evaluate("Object.keys(localStorage).length + document.cookie.length") == 0
    assert console.complaints == []
    console.close()


# For everybody.


@pytest.mark.parametrize("size", [LAPTOP, TABLET], ids=["laptop", "tablet"])
def test_every_panel_can_be_used_without_a_mouse_and_read_aloud(
    browser: Browser, server: LocalServer, size: tuple[int, int]
) -> None:
    console = Console(browser, server.console_url or "", size)
    console.streaming()
    names = console.page.get_by_role("tab").all_inner_texts()
    assert names == (["Scene", "Latency", "Engine"] if size == LAPTOP else ["Style", "Scene", "Latency", "Engine"])
    console.page.get_by_role("tab").first.focus()
    for name in names:
        until(lambda name=name: console.page.get_by_role("tab", selected=True).inner_text() == name, f"{name} is open")
        assert console.violations() == []
        console.page.keyboard.press("ArrowRight")
    # By the tabulator from one control to the next, each of which shows where it is.
    seen = set()
    console.page.locator("body").click(position={"x": 5, "y": 5})
    console.page.keyboard.press("Tab")
    assert console.page.evaluate("document.activeElement.innerText") == "Skip to the stage"
    console.page.keyboard.press("Enter")
    assert console.page.evaluate("document.activeElement.id") == "stage"
    for _ in range(60):
        console.page.keyboard.press("Tab")
        seen.add(
            console.page.evaluate(
                "(document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText ?? '')"
            )
        )
    assert {"Pause", "One character more"} <= seen
    assert console.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert console.complaints == []
    console.close()
