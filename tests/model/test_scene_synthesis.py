"""Training data of scenes: what is made, that it can be gone on with, and that its labels say how it was made."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from tests.model.steppers import clip_of, walk

from strut_model.data.pack import Pack, PackError, write_pack
from strut_model.data.split import Split
from strut_model.scene import synthesis
from strut_model.scene.descriptor import SIZE, SceneDescriptor
from strut_model.scene.presets import presets
from strut_model.scene.synthesis import Recipe, SceneSynthesisOptions, make, plan, read_labels, synthesise


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    folder = tmp_path_factory.mktemp("real") / "pack"
    clips = [
        clip_of(walk(120, speed=speed), f"walk_{style}_{speed:g}", "walk", style=style)
        for style in ("calm", "proud")
        for speed in (0.6, 1.1)
    ]
    write_pack(folder, clips)
    return Pack(folder)


@pytest.fixture(scope="module")
def split(pack: Pack) -> Split:
    rows = {info.name: [("train", 0, 90), ("held_out", 95, 120)] for info in pack.clips}
    return Split(rows)


def options(count: int, seed: int = 3) -> SceneSynthesisOptions:
    return SceneSynthesisOptions(count=count, seed=seed, longest=60, progress=False)


def test_the_plan_takes_styles_and_presets_in_turn_and_training_frames_alone(pack: Pack, split: Split) -> None:
    recipes = plan(pack, split, options(256))
    assert recipes == plan(pack, split, options(256))
    assert all(recipe.segment.end <= 90 and 40 <= recipe.segment.frames <= 60 for recipe in recipes)
    styles = Counter(pack.clip(recipe.segment.clip).style for recipe in recipes)
    assert styles["calm"] == styles["proud"]
    named = Counter(recipe.preset for recipe in recipes)
    assert named.pop("") == 128
    assert set(named) == set(presets())
    assert max(named.values()) - min(named.values()) <= 2


def test_what_is_interrupted_is_gone_on_with_and_not_made_twice(
    pack: Pack, split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synthesis, "_PART", 4)
    made: list[str] = []
    real_make = synthesis.make

    def stopping(source: Pack, recipe: Recipe) -> object:
        if len(made) == 6:
            raise KeyboardInterrupt
        made.append(recipe.name)
        return real_make(source, recipe)

    monkeypatch.setattr(synthesis, "make", stopping)
    out = tmp_path / "scene"
    with pytest.raises(KeyboardInterrupt):
        synthesise(pack, split, out, options(8))
    assert not out.exists()
    first = list(made)
    monkeypatch.setattr(synthesis, "make", lambda source, recipe: made.append(recipe.name) or real_make(source, recipe))
    labels = synthesise(pack, split, out, options(8))
    assert made[len(first) :] == list(labels)[4:]  # the first part was there
    assert read_labels(out) == labels
    assert not out.with_name("scene.parts").exists()
    whole = synthesise(pack, split, tmp_path / "at_once", options(8))
    assert whole == labels
    a, b = Pack(out, synthetic=True), Pack(tmp_path / "at_once", synthetic=True)
    np.testing.assert_array_equal(a.rotations, b.rotations)


def test_a_label_says_how_its_clip_was_made(pack: Pack, split: Split, tmp_path: Path) -> None:
    labels = synthesise(pack, split, tmp_path / "scene", options(6))
    made = Pack(tmp_path / "scene", synthetic=True)
    assert len(Pack(tmp_path / "scene")) == 0  # nothing in it is real
    for clip in made:
        label = labels[clip.name]
        source = pack.clip(label.source)
        assert (clip.style, clip.content) == (source.style, source.content)
        scene = SceneDescriptor.of(label.quantities)
        np.testing.assert_allclose(label.condition(), scene.vector() * label.alpha, rtol=1e-5, atol=1e-6)
        assert label.condition().shape == (SIZE,)
        segment = synthesis.Segment(label.source, label.start, label.end)
        recipe = Recipe(clip.name, segment, "", scene, label.alpha, 0, label.gait_only)
        again, _ = make(pack, recipe)
        if not label.slips and again.frames == clip.frames:
            np.testing.assert_allclose(again.pelvis, clip.pelvis, atol=1e-4)


def test_parts_of_other_options_are_not_gone_on_with(pack: Pack, split: Split, tmp_path: Path) -> None:
    out = tmp_path / "scene"
    synthesise(pack, split, out, options(2))
    with pytest.raises(PackError, match="exists already"):
        synthesise(pack, split, out, options(2))
    parts = out.with_name("scene.parts")
    parts.mkdir()
    (parts / "plan.json").write_text("[]", encoding="utf-8")
    with pytest.raises(PackError, match="other options"):
        synthesise(pack, split, out, options(2), overwrite=True)


def test_a_folder_without_labels_is_named(pack: Pack) -> None:
    with pytest.raises(PackError, match=r"no scenes\.json"):
        read_labels(pack.path)
