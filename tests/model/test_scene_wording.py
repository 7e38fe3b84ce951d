"""Scenes in words: sentences that are not among the written phrases, and what they must come out as."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from strut_model import sentences
from strut_model.scene import wording
from strut_model.scene.commands import scene as scene_command
from strut_model.scene.descriptor import SceneDescriptor, SceneError
from strut_model.scene.effects import effects_of

needs_text = pytest.mark.skipif(not wording.available(), reason="the text extra is not installed")

SPOKEN: dict[str, dict[str, tuple[float, float]]] = {
    "a windy mountain ridge at night": {"wind_z": (-20, -5), "visibility": (2, 60), "slope": (0.05, 0.35)},
    "a frozen pond under the moon": {"friction": (0, 0.45)},
    "trudging through deep snow": {"snow_depth": (0.3, 0.6), "sink_depth": (0.1, 0.4)},
    "a dark cellar with a low ceiling": {"clearance": (1.1, 1.7), "visibility": (0.5, 8)},
    "wading through waist-deep water": {"water_depth": (0.7, 1.2)},
    "the deck of a ship in a hurricane": {"platform_tilt": (0.05, 0.2), "wind_z": (-30, -14)},
    "a crowded railway station": {"crowding": (0.8, 4)},
    "hot desert dunes": {"temperature": (34, 50), "sink_depth": (0.02, 0.1)},
    "climbing stairs in thick fog": {"step_height": (0.1, 0.3), "visibility": (3, 40)},
    "heavy rain and a strong headwind": {"precipitation": (8, 40), "wind_z": (-25, -8)},
    "balancing on a narrow beam": {"footing_width": (0.05, 0.3)},
    "a field of rubble": {"roughness": (0.03, 0.1)},
}


@needs_text
@pytest.mark.parametrize("text", SPOKEN)
def test_what_is_said_is_what_is_set(text: str) -> None:
    found = wording.read(text).descriptor
    for name, (low, high) in SPOKEN[text].items():
        assert low <= found[name] <= high, (name, found[name])


@needs_text
def test_what_is_denied_is_not_set() -> None:
    assert wording.read("no wind on a dry road").descriptor["wind_z"] == pytest.approx(0, abs=1)
    assert wording.read("a storm on a dry road").descriptor["wind_z"] < -10


@needs_text
def test_more_of_a_quantity_is_between_its_phrases() -> None:
    breeze, wind, storm = (wording.read(text).descriptor["wind_z"] for text in ("a breeze", "windy", "a violent storm"))
    assert 0 > breeze > wind > storm


@needs_text
def test_what_says_nothing_of_a_place_is_a_neutral_one() -> None:
    reading = wording.read("seventeen paragraphs of tax law")
    assert reading.descriptor == SceneDescriptor()
    assert effects_of(reading.descriptor).neutral


@needs_text
def test_the_command_shows_what_was_understood() -> None:
    result = CliRunner().invoke(scene_command, ["describe", "a windy mountain ridge at night"])
    assert result.exit_code == 0
    assert "visibility           12 metres" in result.output
    assert "'windy' is near 'windy' (1.00): wind_z" in result.output


@needs_text
@pytest.mark.parametrize(
    ("text", "words"), [("...", "allowed: words"), ("a " * 300, "600 characters; allowed: 1 to 500")]
)
def test_a_text_that_cannot_be_read_is_refused(text: str, words: str) -> None:
    with pytest.raises(SceneError, match=words):
        wording.read(text)


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentences, "_PARTS", ("a_module_that_is_not_there",))
    wording.read.cache_clear()
    wording._phrases.cache_clear()
    assert not wording.available()
    result = CliRunner().invoke(scene_command, ["describe", "a desert"])
    assert result.exit_code == 1
    assert "pip install 'strut-motion[text]'" in result.output
