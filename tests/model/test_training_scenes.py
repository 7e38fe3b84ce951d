"""Training of scenes: the path through the network, its windows, its encoder, and the chain to a bundle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.model.test_training import SMALL, clip, small_network

from strut_model.bundle import load_bundle
from strut_model.data.pack import Pack, write_pack
from strut_model.data.split import Split
from strut_model.nn.encoder import EncoderConfig
from strut_model.nn.network import Denoiser
from strut_model.nn.scene import DescriptorEncoder, SceneEncoderConfig
from strut_model.scene.descriptor import SceneDescriptor
from strut_model.scene.effects import effects_of
from strut_model.scene.encoding import SceneEncoder
from strut_model.scene.presets import presets
from strut_model.scene.synthesis import SceneSynthesisOptions, draw_scene, read_labels, synthesise
from strut_model.skeleton import PARTS
from strut_model.training import checkpoint, export
from strut_model.training.config import ConfigError
from strut_model.training.dataset import FrameStore
from strut_model.training.distill import StudentTraining, load_student, train_student
from strut_model.training.encoder import EncoderTraining, compute_codes, train_encoder
from strut_model.training.scene_encoder import (
    EFFECT_SCALES,
    SceneEncoderTraining,
    effect_codes,
    leave_out,
    load_descriptor,
    train_scene_encoder,
)
from strut_model.training.scene_windows import SceneRollouts, SceneSampler
from strut_model.training.teacher import Scenes, TeacherTraining, load_teacher, train_teacher, with_scene_path
from strut_model.training.windows import Augmentation


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """A packed data set of made clips, its split, and clips in scenes made from it."""
    folder = tmp_path_factory.mktemp("scenes")
    clips = [
        clip(f"{content}_{style}", content, style, speed, turn)
        for style, turn in (("normal", 0.2), ("brisk", -0.3))
        for content, speed in (("walk", 1.2), ("run", 2.4))
    ]
    pack, split, scenes = folder / "pack", folder / "split.json", folder / "scenes"
    write_pack(pack, clips)
    made = Split({c.name: [("train", 0, 90)] for c in clips})
    made.write(split)
    synthesise(Pack(pack), made, scenes, SceneSynthesisOptions(count=24, progress=False))
    return pack, split, scenes


def small_path(width: int = 16) -> Denoiser:
    """A small network with a path whose every layer does something."""
    network = with_scene_path(small_network(guided=True), width)
    assert network.scene is not None
    torch.manual_seed(1)
    for parameter in network.scene.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return network.eval().requires_grad_(False)


def test_a_zero_scene_changes_nothing_bit_for_bit_and_another_does() -> None:
    plain, network = small_network(guided=True), small_path()
    inputs = export.example_inputs(3, scene=True)
    scene = inputs.pop("scene")
    expected = plain(**inputs)
    assert torch.equal(network(**inputs, scene=torch.zeros_like(scene)), expected)
    assert torch.equal(network(**inputs), expected)
    assert float((network(**inputs, scene=scene) - expected).abs().max()) > 1e-3


def test_a_new_path_leaves_the_network_as_it_was_and_is_all_that_learns() -> None:
    plain = small_network(guided=True)
    network = with_scene_path(small_network(guided=True), 16)
    inputs = export.example_inputs(2, scene=True)
    scene = inputs.pop("scene")
    assert torch.equal(network(**inputs, scene=scene), plain(**inputs))
    learned = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert learned == {name for name in dict(network.named_parameters()) if name.startswith("scene.")}


def test_the_neutral_scene_has_a_zero_code() -> None:
    torch.manual_seed(2)
    network = DescriptorEncoder(SceneEncoderConfig(width=8, heads=8))
    neutral = torch.from_numpy(SceneDescriptor().vector())[None]
    assert torch.equal(network(neutral), torch.zeros(1, PARTS, 64))


def test_effects_scale_as_codes_do() -> None:
    for preset in presets().values():
        codes, effects = effect_codes(preset.descriptor), effects_of(preset.descriptor)
        half = effects.scaled(0.5)
        assert 0.2 * codes[0] * 0.5 == pytest.approx(np.log(half.step_length), abs=1e-6)
        assert 10.0 * codes[7] * 0.5 == pytest.approx(half.knee_flexion, abs=1e-5)


def test_windows_of_scenes_carry_their_scene_and_leave_to_the_run_time_what_is_its(
    data: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    pack, split, scenes = data
    torch.manual_seed(3)
    store = FrameStore(pack, split, scenes=scenes)
    labels = read_labels(scenes)
    assert int((store.alpha > 0).sum()) == 2 * len(labels)
    assert all(label.gait_only for label in labels.values())
    # Nobody sinks in or leans: standing feet are at height 0, and the trunk is as it was captured.
    for name in labels:
        segment = store.names.index(name)
        rows = store.frames[store.start[segment] : store.start[segment] + store.length[segment]]
        lowest = rows[:, 3:69].unflatten(-1, (22, 3))[:, [10, 11], 1].amin(dim=1)
        assert float(lowest.min()) > -0.02, name
    whole = tmp_path / "whole"
    synthesise(Pack(pack), Split.read(split), whole, SceneSynthesisOptions(count=1, gait_only=False, progress=False))
    with pytest.raises(ValueError, match="without --whole"):
        FrameStore(pack, split, scenes=whole)
    encoder = small_encoder(data)
    descriptor = DescriptorEncoder(SceneEncoderConfig(width=8, heads=8)).eval().requires_grad_(False)
    augmentation = Augmentation(stitched_share=0.5, own_states=16, own_windows=3)
    sampler = SceneSampler(store, compute_codes(encoder, store), augmentation, 0.4, descriptor)
    drawn = sampler.conditioned(sampler.draw(32))
    assert drawn.scene is not None
    known = (descriptor(store.scene) * store.alpha[:, None, None])[store.alpha > 0]
    assert bool((drawn.scene[:, None] == known).flatten(2).all(-1).any(1).all())
    assert bool((drawn.scene.abs().sum((1, 2)) > 0).all())
    states = SceneRollouts(sampler)
    for _ in range(3):
        windows = states.draw(8)
        assert windows.scene is not None
        states.moved(windows.target, torch.ones(8, dtype=torch.bool))
    assert bool(torch.isfinite(states.history).all())


def test_what_is_left_out_of_codes_does_not_show_in_them_and_all_else_does() -> None:
    torch.manual_seed(5)
    rng = np.random.default_rng(0)
    descriptor = DescriptorEncoder(SceneEncoderConfig(width=64, heads=8))
    drawn = [draw_scene(rng) for _ in range(3000)]
    space = torch.from_numpy(np.stack([scene.vector() for scene in drawn]).astype(np.float32))
    effects = torch.from_numpy(np.stack([effect_codes(scene) for scene in drawn]))

    def told(index: int) -> float:
        """How much of an effect's variance codes tell, linearly."""
        codes = descriptor(space).flatten(1).detach().double()
        found = torch.linalg.lstsq(codes, effects[:, index : index + 1].double()).solution
        return 1 - float((codes @ found - effects[:, index : index + 1]).var() / effects[:, index].var())

    sink, knees = list(EFFECT_SCALES).index("sink"), list(EFFECT_SCALES).index("knee_flexion")
    before = told(sink), told(knees)
    leave_out(descriptor, space, effects, ("sink",))
    codes = descriptor(space).flatten(1).detach()
    slope = torch.corrcoef(torch.cat((effects[:, sink : sink + 1], codes), dim=1).T)[0, 1:]
    assert before[0] > 0.8
    assert told(knees) > before[1] - 0.05
    assert torch.equal(descriptor(torch.zeros(1, space.shape[1])), torch.zeros(1, PARTS, 64))
    assert float(slope.abs().mean()) < 0.35


def small_encoder(data: tuple[Path, Path, Path]) -> torch.nn.Module:
    from strut_model.nn.encoder import MotionEncoder

    torch.manual_seed(4)
    return MotionEncoder(EncoderConfig(16, 1)).eval().requires_grad_(False)


def test_the_chain_from_scenes_to_a_bundle_leaves_the_base_as_it_was(
    data: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    pack, split, clips = data
    encoder = train_encoder(pack, split, tmp_path, EncoderTraining(EncoderConfig(16, 1), samples=32, batch=16))
    settings = TeacherTraining(SMALL, samples=32, batch=16, bfloat16=False, scene_width=8)
    teacher = train_teacher(pack, split, encoder, tmp_path, settings)
    student = train_student(pack, split, encoder, teacher, tmp_path, StudentTraining(samples=16, batch=16))
    small = SceneEncoderTraining(SceneEncoderConfig(16, 16), samples=2000, batch=32, descriptors=64)
    scene_encoder = train_scene_encoder(pack, split, clips, encoder, tmp_path, small)
    scenes, out = Scenes(clips, scene_encoder), tmp_path / "scenes"
    with pytest.raises(ConfigError, match="name one to start from"):
        train_teacher(pack, split, encoder, out, settings, scenes=scenes)
    knowing = train_teacher(pack, split, encoder, out, settings, start_from=teacher, scenes=scenes)
    before, after = load_teacher(teacher)[0].state_dict(), load_teacher(knowing)[0].state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert any(float(value.abs().max()) > 0 for name, value in after.items() if name.startswith("scene.out"))
    # It goes on where it was.
    train_teacher(pack, split, encoder, out, replace(settings, samples=48), start_from=teacher, scenes=scenes)
    assert checkpoint.load(knowing, "strut-teacher")["seen"] == 48
    # Kept apart from its base, the path is small, and comes back onto it.
    alone, back = tmp_path / "alone.pt", tmp_path / "back.pt"
    assert checkpoint.slim(knowing, alone, scenes_alone=True) < knowing.stat().st_size / 4
    checkpoint.joined(teacher, alone, back)
    whole, again = load_teacher(knowing)[0].state_dict(), load_teacher(back)[0].state_dict()
    assert whole.keys() == again.keys()
    assert all(torch.allclose(whole[name], again[name], atol=2e-3, rtol=1e-2) for name in whole)
    with pytest.raises(checkpoint.CheckpointError, match="knows no scenes"):
        checkpoint.joined(teacher, teacher, back)

    distilling = StudentTraining(samples=32, batch=16, strength_share=0.0, part_share=0.0)
    with pytest.raises(ConfigError, match="a teacher that was trained with scenes"):
        train_student(pack, split, encoder, teacher, out, distilling, start_from=student, scenes=scenes)
    shown = train_student(pack, split, encoder, knowing, out, distilling, start_from=student, scenes=scenes)
    base, known = load_student(student)[0], load_student(shown)[0]
    inputs = export.example_inputs(3, scene=True)
    scene = inputs.pop("scene")
    assert torch.equal(known(**inputs, scene=torch.zeros_like(scene)), base(**inputs))
    assert not torch.equal(known(**inputs, scene=scene), base(**inputs))

    with pytest.raises(export.ExportError, match="name its scene encoder"):
        export.export_bundle(shown, encoder, pack, split, tmp_path / "bundle", "made")
    export.export_bundle(shown, encoder, pack, split, tmp_path / "bundle", "made", scene_encoder=scene_encoder)
    bundle = load_bundle(tmp_path / "bundle")
    # A scene that quickens no steps, whose code is therefore the encoder's own.
    snow = presets()["deep-snow"].descriptor
    expected = load_descriptor(scene_encoder)(torch.from_numpy(snow.vector())[None])[0].numpy()
    np.testing.assert_allclose(SceneEncoder(bundle).encode(snow), expected, atol=1e-5)
    np.testing.assert_allclose(bundle.scene_closing, export.SCENE_CLOSING)
    assert bundle.scene_quickening == export.SCENE_QUICKENING
