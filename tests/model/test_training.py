"""Training: data in memory, windows and their augmentations, losses, sampling, configuration and checkpoints."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from tests.recordings import walking

from strut_model import features
from strut_model.bundle import load_bundle
from strut_model.clip import Clip
from strut_model.data.pack import write_pack
from strut_model.data.split import Split
from strut_model.evaluation.commands import make_subject
from strut_model.features import Statistics
from strut_model.motion import Motion
from strut_model.nn.encoder import EncoderConfig, MotionEncoder
from strut_model.nn.kinematics import consistent, feature_positions, rebase, root_of
from strut_model.nn.network import Denoiser, DenoiserConfig
from strut_model.streaming.engine import OnnxEngine
from strut_model.training import checkpoint, config, export
from strut_model.training.commands import train
from strut_model.training.dataset import FrameStore, canonical, content_kind, mirrored_content
from strut_model.training.distill import StudentTraining, student_config, train_student
from strut_model.training.encoder import (
    EncoderTraining,
    compute_codes,
    encoder_features,
    readouts,
    supervised_contrast,
    train_encoder,
)
from strut_model.training.engines import TorchEngine
from strut_model.training.losses import LossWeights, WindowLoss, localise
from strut_model.training.sampling import guided_prediction, sample_teacher, step_towards, style_guidance
from strut_model.training.teacher import TeacherTraining, feature_statistics, train_teacher
from strut_model.training.windows import Augmentation, OwnStates, WindowSampler, eased_onto, rotation_limits

SMALL = DenoiserConfig(width=32, layers=1, heads=2, rank=4)


def clip(name: str, content: str, style: str, speed: float, turn: float, frames: int = 90) -> Clip:
    motion = walking(frames, speed, turn)
    return Clip(
        name=name,
        pelvis=motion.world_pelvis().astype(np.float32),
        rotations=motion.world_rotations().astype(np.float32),
        contacts=motion.contacts,
        content=content,
        style=style,
        take="1",
        dataset="made",
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A packed data set of eight made clips and its split."""
    folder = tmp_path_factory.mktemp("data")
    clips = [
        clip(f"{content}_{style}", content, style, speed, turn)
        for style, turn in (("normal", 0.3), ("brisk", -0.5))
        for content, speed in (("walk", 1.2), ("run", 2.4), ("walk-turn-left", 1.0), ("wave-left-hand", 0.2))
    ]
    write_pack(folder / "pack", clips)
    Split({c.name: [("train", 0, 90)] for c in clips}).write(folder / "split.json")
    return folder / "pack", folder / "split.json"


@pytest.fixture(scope="module")
def store(data: tuple[Path, Path]) -> FrameStore:
    return FrameStore(*data)


@pytest.fixture(scope="module")
def encoder(store: FrameStore) -> MotionEncoder:
    torch.manual_seed(0)
    return MotionEncoder(EncoderConfig(width=16, blocks=1)).eval().requires_grad_(False)


def window(store: FrameStore, segment: int, count: int = 24) -> torch.Tensor:
    frames = store.gather(store.start[segment : segment + 1], count)
    return canonical(frames, frames[:, 7, :3])


def reference(store: FrameStore, data: tuple[Path, Path], segment: int) -> Motion:
    from strut_model.data.pack import Pack

    motion = Pack(data[0]).clip(store.names[segment]).motion().slice_frames(0, 24)
    motion = motion.mirrored() if store.mirrored[segment] else motion
    return motion.relative_to(motion.root_position[7], motion.root_heading[7])


@pytest.mark.parametrize("segment", [0, 3, 9])
def test_windows_on_the_device_equal_the_features_made_with_numpy(
    store: FrameStore, data: tuple[Path, Path], segment: int
) -> None:
    expected = features.encode(reference(store, data, segment))
    np.testing.assert_allclose(window(store, segment)[0].numpy(), expected, atol=2e-6)


def test_encoder_features_on_the_device_equal_those_made_with_numpy(store: FrameStore, data: tuple[Path, Path]) -> None:
    expected = features.encode_for_encoder(reference(store, data, 2))
    frames = store.gather(store.start[2:3], 24)
    np.testing.assert_allclose(encoder_features(frames)[0].numpy(), expected, atol=2e-4)


def test_localising_features_gives_back_stored_frames_but_for_the_place(store: FrameStore) -> None:
    frames = store.gather(store.start[1:2], 24)
    back = localise(canonical(frames, frames[:, 7, :3]))
    torch.testing.assert_close(back[..., 3:], frames[..., 3:], atol=1e-5, rtol=0)


def test_kinematics_in_torch_agree_with_numpy(store: FrameStore, data: tuple[Path, Path]) -> None:
    expected = reference(store, data, 4).positions()
    np.testing.assert_allclose(feature_positions(window(store, 4))[0].numpy(), expected, atol=1e-5)
    torch.testing.assert_close(consistent(window(store, 4)), window(store, 4), atol=1e-5, rtol=0)


def test_rebasing_moves_the_origin_to_the_chosen_root(store: FrameStore) -> None:
    x = window(store, 0)
    moved = rebase(x, root_of(x, 20))
    torch.testing.assert_close(moved[:, 20, :4], torch.tensor([[0.0, 0.0, 1.0, 0.0]]), atol=1e-6, rtol=0)
    joints, before = feature_positions(moved)[0], feature_positions(x)[0]
    torch.testing.assert_close(
        torch.cdist(joints[3], joints[23]), torch.cdist(before[3], before[23]), atol=1e-4, rtol=0
    )


def test_playing_faster_shortens_the_way_to_the_same_place(store: FrameStore) -> None:
    first = store.start[1:2]
    fast, plain = store.gather(first, 20, torch.tensor([1.1])), store.gather(first, 24)
    torch.testing.assert_close(fast[:, 10], plain[:, 11], atol=1e-5, rtol=0)


def test_contents_are_mirrored_and_sorted_by_kind() -> None:
    assert mirrored_content("walk-turn-left") == "walk-turn-right"
    assert mirrored_content("wave-both-hands") == "wave-both-hands"
    assert [content_kind(c) for c in ("walk-back", "idle", "wave-left-hand")] == ["locomotion", "idle", "gesture"]


def test_segment_weights_balance_styles_and_kinds(store: FrameStore) -> None:
    weights = store.segment_weights(0.0, 30, {"locomotion": 0.5, "gesture": 0.5})
    gestures = store.is_gesture[store.content]
    assert float(weights[gestures].sum()) == pytest.approx(0.5)
    assert float(weights[store.style == 0].sum()) == pytest.approx(0.5)


def test_a_stitched_window_begins_at_the_foreign_pose_and_ends_on_its_own(store: FrameStore) -> None:
    target, own = window(store, 0)[:, 8:], window(store, 0)[:, :8]
    frames = store.gather(store.start[1:2] + 10, 8)  # another phase of the step
    history = canonical(frames, frames[:, 7, :3])
    eased = eased_onto(target, own, history, 0.4)
    rotations = features.ROTATIONS
    start = (eased[:, 0] - history[:, -1])[:, rotations].abs().max()
    assert float(start) < float((target[:, 0] - history[:, -1])[:, rotations].abs().max())
    assert float((eased[:, -1] - target[:, -1])[:, rotations].abs().max()) < 0.05
    torch.testing.assert_close(eased_onto(target, own, own, 0.4), consistent(target), atol=1e-5, rtol=0)


def test_drawn_windows_have_the_shapes_that_the_network_takes(store: FrameStore, encoder: MotionEncoder) -> None:
    torch.manual_seed(1)
    codes = compute_codes(encoder, store)
    sampler = WindowSampler(store, codes, Augmentation(stitched_share=1.0, stitch_drop=0.0), 0.4)
    windows = sampler.conditioned(sampler.draw(12))
    out = Denoiser(SMALL)(
        noisy=windows.target,
        time=torch.ones(12),
        guidance=torch.ones(12, 2),
        history=windows.history,
        **windows.conditions(),
    )
    assert out.shape == (12, 16, 206)
    given = windows.phase[:, 2] > 0
    gesture = store.is_gesture[windows.content_index]
    assert not bool((given & ~gesture).any())
    # A stitched target keeps asking for its own path although its root is eased.
    torch.testing.assert_close(windows.trajectory[:, -1, 2:], windows.target[:, -1, 2:4], atol=1e-4, rtol=0)


def test_on_policy_windows_continue_the_networks_own_states_with_the_nearest_real_motion(
    store: FrameStore, encoder: MotionEncoder
) -> None:
    torch.manual_seed(2)
    augmentation = Augmentation(own_states=12, own_windows=3, own_change=0.0, own_drop=0.0)
    sampler = WindowSampler(store, compute_codes(encoder, store), augmentation, 0.4)
    states = OwnStates(sampler)
    states.depth[:] = 0
    drawn = states.draw(12)
    # The network's window is leaning: the next target begins there and comes back to real motion.
    window = drawn.target.clone()
    window[..., features.ROTATIONS.start + 6 * 3 + 1] += 0.3
    states.moved(window, torch.ones(12, dtype=torch.bool))
    assert states.depth.tolist() == [1] * 12
    again = states.draw(12)
    spine = features.ROTATIONS.start + 6 * 3 + 1
    real = sampler.continuing(drawn.history, again.style_index, again.content_index)[0]
    lean = again.history[:, -1, spine].mean() - real.history[:, -1, spine].mean()
    assert float(lean) > 0.1
    first, last = again.target[:, 0, spine].mean(), again.target[:, -1, spine].mean()
    assert float(first - last) > 0.7 * float(lean)
    torch.testing.assert_close(
        again.history[:, -1, :4], torch.tensor([[0.0, 0, 1, 0]]).expand(12, -1), atol=1e-5, rtol=0
    )
    for _ in range(3):
        states.moved(again.target, torch.ones(12, dtype=torch.bool))
        again = states.draw(12)
    assert int(states.depth.max()) < 3


def test_on_policy_windows_are_of_the_style_and_content_that_they_are_labelled_with(
    store: FrameStore, encoder: MotionEncoder
) -> None:
    torch.manual_seed(3)
    codes = compute_codes(encoder, store)
    sampler = WindowSampler(store, codes, Augmentation(own_states=16, own_change=0.5, prototype_share=1.0), 0.4)
    states = OwnStates(sampler)
    for _ in range(4):
        windows = states.draw(8)
        assert bool(sampler.has(windows.style_index, windows.content_index).all())
        torch.testing.assert_close(windows.style, codes.style_prototypes[windows.style_index])
        states.moved(windows.target, torch.rand(8) < 0.5)
    assert bool(torch.isfinite(states.history).all())


def test_losses_vanish_for_a_perfect_prediction_and_name_what_is_wrong_with_another(
    store: FrameStore, encoder: MotionEncoder
) -> None:
    mean, std = feature_statistics(store)
    loss = WindowLoss(LossWeights(), mean, std, rotation_limits(store), encoder)
    x = window(store, 1)
    target = ((x - mean) / std)[:, 8:]
    perfect = loss(target, target, x[:, :8])
    for name in ("features", "positions", "velocity", "acceleration", "foot_slide", "agreement"):
        assert float(perfect[name]) < 1e-6, name
    late = ((x - mean) / std)[:, 7:-1]
    wrong = loss(late, target, x[:, :8])
    assert all(float(wrong[name]) > 1e-6 for name in ("features", "positions", "velocity", "acceleration", "identity"))


def test_contrast_falls_when_like_codes_come_together() -> None:
    labels = torch.tensor([0, 0, 1, 1])
    same, own = labels[:, None] == labels, torch.eye(4, dtype=torch.bool)
    apart = torch.nn.functional.normalize(torch.tensor([[1.0, 0], [0, 1], [1, 0], [0, 1]]), dim=-1)
    together = torch.tensor([[1.0, 0], [1, 0], [0, 1], [0, 1]])
    assert supervised_contrast(together, same, own, 0.1) < supervised_contrast(apart, same, own, 0.1)
    # By hand: at temperature 1 the anchor sees e^1 for its like and twice e^0 for the others.
    expected = -np.log(np.e / (np.e + 2))
    assert float(supervised_contrast(together, same, own, 1.0)) == pytest.approx(expected, rel=1e-5)


def test_a_batch_without_a_pair_teaches_nothing() -> None:
    codes = torch.nn.functional.normalize(torch.randn(3, 4), dim=-1).requires_grad_()
    own = torch.eye(3, dtype=torch.bool)
    loss = supervised_contrast(codes, own, own, 0.1)
    loss.backward()
    assert float(loss.detach()) == 0
    assert codes.grad is not None
    assert bool((codes.grad == 0).all())


def test_readouts_measure_amplitude_and_tempo_of_a_known_swing() -> None:
    time = torch.arange(60) / 30.0
    x = torch.zeros(1, 60, features.ENCODER_FEATURES)
    for joint in (10, 11, 15, 20, 21):
        x[0, :, 12 * joint] = 0.2 * torch.sin(2 * torch.pi * 2 * time)
        x[0, :, 12 * joint + 9] = 0.2 * 2 * torch.pi * 2 * torch.cos(2 * torch.pi * 2 * time)
    amplitude, tempo = readouts(x)[0].exp().tolist()
    assert amplitude == pytest.approx(0.2 / np.sqrt(2), rel=0.02)
    assert tempo == pytest.approx(2.0, rel=0.02)


def guided_inputs(batch: int) -> dict[str, torch.Tensor]:
    inputs = export.example_inputs(batch)
    return {k: v for k, v in inputs.items() if k not in ("noisy", "time", "guidance")}


def small_network(guided: bool = False) -> Denoiser:
    torch.manual_seed(3)
    network = Denoiser(replace(SMALL, guided=guided)).eval().requires_grad_(False)
    for parameter in network.parameters():
        if not parameter.abs().max() > 0:
            torch.nn.init.normal_(parameter, std=0.05)
    return network


def test_guidance_of_one_is_the_plain_prediction_and_of_zero_has_no_style() -> None:
    network, inputs = small_network(), guided_inputs(3)
    noisy, t = torch.randn(3, 16, 206), torch.full((3,), 0.7)
    ones = torch.ones(3, 2)
    plain = network(noisy=noisy, time=t, guidance=ones, **inputs)
    torch.testing.assert_close(guided_prediction(network, noisy, t, inputs, ones), plain, atol=1e-5, rtol=1e-5)
    without = network(noisy=noisy, time=t, guidance=ones, **{**inputs, "style": torch.zeros(3, 5, 64)})
    none = guided_prediction(network, noisy, t, inputs, torch.tensor([[0.0, 1.0]] * 3))
    torch.testing.assert_close(none, without, atol=1e-5, rtol=1e-5)


def test_a_deterministic_step_keeps_the_noise_of_the_window() -> None:
    clean, noise = torch.randn(2, 16, 206), torch.randn(2, 16, 206)
    t, s = torch.tensor([0.8, 0.5]), torch.tensor([0.4, 0.25])
    noisy = torch.lerp(clean, noise, t[:, None, None])
    torch.testing.assert_close(
        step_towards(noisy, clean, t, s), torch.lerp(clean, noise, s[:, None, None]), atol=1e-5, rtol=0
    )


def test_style_guidance_brings_the_style_code_of_a_sample_nearer(encoder: MotionEncoder) -> None:
    network, inputs = small_network(), guided_inputs(4)
    noise = torch.randn(4, 16, 206)

    def codes_of(x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize(x[..., :64].mean(1, keepdim=True).expand(-1, 5, -1), dim=-1)

    def nearness(x: torch.Tensor) -> float:
        return float((codes_of(x) * inputs["style"]).sum(-1).mean())

    guidance = torch.ones(4, 2)
    plain = sample_teacher(network, noise, inputs, guidance, 4)
    steered = sample_teacher(network, noise, inputs, guidance, 4, style_guidance(codes_of, inputs["style"], 5.0))
    assert nearness(steered) > nearness(plain) + 0.05


def test_a_style_of_one_part_leaves_another_parts_own_modulation_alone() -> None:
    network = small_network()
    torch.nn.init.zeros_(network.style_summary.weight)
    for block in network.blocks:
        torch.nn.init.zeros_(block.out.weight)  # without attention nothing passes between the parts
    inputs = export.example_inputs(1)
    arm = {**inputs, "style": inputs["style"].clone()}
    arm["style"][:, 3] = torch.nn.functional.normalize(torch.randn(64), dim=0)
    changed = (network(**inputs) - network(**arm)).abs().amax((0, 1))
    columns = features.PART_COLUMNS
    assert float(changed[columns[3]].max()) > 1e-4
    assert float(changed[np.concatenate([columns[p] for p in (0, 1, 2, 4)])].max()) == 0


def test_a_configuration_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    with pytest.raises(config.ConfigError, match=r"network\.widht: unknown key; did you mean 'width'"):
        config.from_mapping(TeacherTraining, {"network": {"widht": 3}})
    with pytest.raises(config.ConfigError, match=r"batch: expected int, got 'many'"):
        config.from_mapping(TeacherTraining, {"batch": "many"})
    (tmp_path / "bad.yaml").write_text("[1, 2]")
    with pytest.raises(config.ConfigError, match="expected a mapping"):
        config.load(TeacherTraining, tmp_path / "bad.yaml")
    settings = TeacherTraining(samples=7, learning_rate=1)
    assert config.from_mapping(TeacherTraining, config.to_mapping(settings)) == settings


def test_a_broken_write_leaves_the_old_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "teacher.pt"
    checkpoint.save(path, "strut-teacher", {"seen": 1})
    with pytest.raises(Exception, match=r"pickle|local object|lambda"):
        checkpoint.save(path, "strut-teacher", {"seen": lambda: 2})
    assert checkpoint.load(path, "strut-teacher")["seen"] == 1
    with pytest.raises(checkpoint.CheckpointError, match="holds a 'strut-teacher', expected a 'strut-student'"):
        checkpoint.load(path, "strut-student")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(checkpoint.CheckpointError, match="cannot be read"):
        checkpoint.load(path, "strut-teacher")


def test_the_chain_from_clips_to_a_bundle_resumes_and_agrees_with_onnx(data: tuple[Path, Path], tmp_path: Path) -> None:
    pack, split = data
    encoder_file = train_encoder(
        pack, split, tmp_path, EncoderTraining(EncoderConfig(16, 1), samples=32, batch=16, bfloat16=False)
    )
    settings = TeacherTraining(SMALL, samples=48, batch=16, bfloat16=False)
    teacher = train_teacher(pack, split, encoder_file, tmp_path, settings)
    seen = checkpoint.load(teacher, "strut-teacher")["seen"]
    train_teacher(pack, split, encoder_file, tmp_path, replace(settings, samples=seen + 16))
    assert checkpoint.load(teacher, "strut-teacher")["seen"] == seen + 16
    student = train_student(
        pack, split, encoder_file, teacher, tmp_path, StudentTraining(samples=32, batch=16, bfloat16=False)
    )
    assert student_config(SMALL).guided
    differences = export.export_bundle(student, encoder_file, pack, split, tmp_path / "bundle", "made")
    assert max(differences.values()) <= 1e-4
    bundle = load_bundle(tmp_path / "bundle")
    assert set(bundle.style_index) == {"brisk", "normal"}
    assert bundle.speed_table[bundle.style_index["normal"], bundle.content_index["run"]] == pytest.approx(2.4, abs=0.1)

    # The same checkpoint, sampled by PyTorch and by ONNX Runtime: the graph's weights are rounded to float16.
    inputs = {k: v.numpy() for k, v in export.example_inputs(4).items() if k not in ("noisy", "time")}
    noise = np.random.default_rng(0).normal(size=(4, 2, 16, 206)).astype(np.float32)
    engine = TorchEngine(student)
    export.round_weights(engine.network)
    np.testing.assert_allclose(engine.sample(inputs, noise, 2), OnnxEngine(bundle).sample(inputs, noise, 2), atol=1e-4)

    # A teacher is measured with the features' statistics that it was trained with, whatever the bundle's are.
    other = replace(bundle, statistics=Statistics(bundle.statistics.mean + 1, bundle.statistics.std * 2))
    measured = make_subject("teacher", other, teacher, 1).generator.bundle.statistics
    np.testing.assert_allclose(measured.mean, bundle.statistics.mean, atol=1e-6)
    np.testing.assert_allclose(measured.std, bundle.statistics.std, atol=1e-6)

    slim = tmp_path / "slim.pt"
    assert checkpoint.slim(teacher, slim) < teacher.stat().st_size / 4
    # What is slim already stays as it is.
    again = tmp_path / "again.pt"
    assert checkpoint.slim(slim, again) == slim.stat().st_size
    assert again.read_bytes()[:6] == b"\xfd7zXZ\x00"
    fresh = tmp_path / "fresh"
    train_teacher(pack, split, encoder_file, fresh, replace(settings, samples=16), start_from=slim)
    with pytest.raises(checkpoint.CheckpointError, match="cannot be resumed"):
        checkpoint.resumable(slim, "strut-teacher")
    with pytest.raises(export.ExportError, match="exists already"):
        export.export_bundle(student, encoder_file, pack, split, tmp_path / "bundle", "made")
    with pytest.raises(export.ExportError, match="neutral: 'calm' is not a style"):
        export.export_bundle(student, encoder_file, pack, split, tmp_path / "other", "made", neutral="calm")


def test_the_command_names_a_wrong_key_of_its_configuration(data: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "encoder.yaml").write_text("smaples: 5\n")
    pack, split = data
    arguments = ["encoder", "--data", str(pack), "--split", str(split), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(train, [*arguments, "--config", str(tmp_path / "encoder.yaml")])
    assert result.exit_code == 1
    assert "smaples: unknown key; did you mean 'samples'?" in result.output
