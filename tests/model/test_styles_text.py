"""Styles and contents in words: fair wordings, what is read, and what is refused."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from tests.bundles import tiny_bundle

pytest.importorskip("sentence_transformers")

import torch
import yaml

from strut_model import sentences
from strut_model.bundle import load_bundle
from strut_model.evaluation.text_trials import FILE, Answer, BagOfWords, ask, figures, fixed_wordings, same
from strut_model.styles.commands import style
from strut_model.styles.text import (
    HEAD,
    TextError,
    TextHead,
    Tower,
    bundle_head,
    has_head,
    read_content,
    read_style,
    wordings,
)
from strut_model.training.text_head import TextTraining, _Pairs, _trained


def plain(text: str) -> str:
    return " " + " ".join(re.findall(r"[a-z]+", text.lower())) + " "


def test_the_fixed_wordings_hold_no_label_synonym_or_training_wording() -> None:
    document = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    assert sum(map(len, document["styles"].values())) == 100
    assert set(document["styles"]) == set(wordings().styles)
    assert set(document["contents"]) == set(wordings().contents)
    forbidden = set(" ".join(document["synonyms"]).split())
    assert {word for label in document["styles"] for word in re.findall(r"[a-z]+", label)} - {"not"} <= forbidden
    for kind, banned, taught in (
        ("styles", forbidden, wordings().styles),
        ("contents", set(document["action_words"].split()), wordings().contents),
    ):
        trained = {plain(text) for texts in taught.values() for text in texts}
        for texts in document[kind].values():
            for text in texts:
                assert not banned & set(plain(text).split()), text
                assert not [wording for wording in trained if wording in plain(text)], text


def test_a_bag_of_words_counts_words_it_was_taught() -> None:
    bag = BagOfWords({"a": ["red fox", "red hen"], "b": ["blue whale"]})
    assert bag.label("the red one") == "a"
    assert bag.label("a whale, blue!") == "b"


def test_twins_are_forgiven_in_their_own_figure_alone() -> None:
    assert same("old", "elderly")
    assert not same("old", "tired")
    rows = [
        Answer("styles", str(i), "old", said, "sad", "old") for i, said in enumerate(("old", "elderly", "sad", "sad"))
    ]
    found = figures(rows)
    assert found["text_style"].value == pytest.approx(0.25)
    assert found["text_style_twins"].value == pytest.approx(0.5)
    assert found["text_baseline"].value == 0.0


def test_the_shipped_head_beats_the_words_on_the_fixed_wordings() -> None:
    answers = ask(load_bundle())
    found = figures(answers)
    assert len(answers) == sum(len(texts) for kind in fixed_wordings().values() for texts in kind.values())
    assert found["text_style"].value >= 0.60
    assert found["text_style"].value > found["text_baseline"].value


def test_a_sentence_becomes_a_mix_between_the_nearest_styles() -> None:
    bundle = load_bundle()
    reading = read_style(bundle, "a grandfather with a terribly bent back")
    assert reading.shares[0][0] in ("old", "elderly")
    assert sum(share for _, share in reading.shares) == pytest.approx(1.0)
    assert len(reading.nearness) == len(bundle.manifest.styles)
    np.testing.assert_allclose(np.linalg.norm(reading.vector, axis=-1), bundle.style_norms, rtol=1e-4)
    assert read_content(bundle, "hitting someone with the fist")[0][0] == "punch"


def test_users_styles_are_found_too() -> None:
    bundle = load_bundle()
    proud = bundle.style_vectors[bundle.style_index["proud"]]
    styles = {"mine": proud, "normal": bundle.neutral}
    reading = read_style(bundle, "an emperor inspecting his troops, chin up", styles)
    assert reading.shares[0][0] == "mine"


@pytest.mark.parametrize(("text", "message"), [("", "allowed: words"), ("?!", "allowed: words"), ("x" * 501, "501")])
def test_texts_that_say_nothing_are_refused(text: str, message: str) -> None:
    with pytest.raises(TextError, match=message):
        read_style(load_bundle(), text)


def test_a_head_belongs_to_one_encoder(tmp_path: Path) -> None:
    bundle = load_bundle(tiny_bundle(tmp_path / "bundle"))
    assert not has_head(bundle)
    shutil.copy(Path(bundle_head.__code__.co_filename).with_name(HEAD), bundle.path / HEAD)
    with pytest.raises(TextError, match="strut train text"):
        read_style(bundle, "sad")


def test_a_head_is_kept_as_it_is(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    towers = [Tower(rng.normal(size=(384, 4)).astype(np.float32), rng.normal(size=(d, 4)).astype(np.float32))
              for d in (320, 64)]  # fmt: skip
    TextHead(towers[0], towers[1], "abc").write(tmp_path / HEAD)
    again = TextHead.read(tmp_path / HEAD)
    assert again.encoder == "abc"
    np.testing.assert_allclose(again.style.text, towers[0].text, atol=2e-3)
    (tmp_path / HEAD).write_bytes(b"no")
    with pytest.raises(TextError, match="no head"):
        TextHead.read(tmp_path / HEAD)


def test_training_brings_wordings_to_the_codes_of_their_label() -> None:
    """Three labels whose codes have nothing to do with the words: what was learned must be from the pairs."""
    texts = ["slow and heavy", "a heavy slow walk", "quick and light", "light quick steps", "angry shouting", "shouts"]
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    generator = torch.Generator().manual_seed(3)
    centres = torch.nn.functional.normalize(torch.randn(3, 64, generator=generator), dim=-1)
    codes = torch.nn.functional.normalize(
        centres[labels.repeat(5)] + 0.05 * torch.randn(30, 64, generator=generator), dim=-1
    )
    pairs = _Pairs(torch.from_numpy(sentences.encode(texts)), labels, codes, labels.repeat(5))
    tower = _trained(pairs, TextTraining(steps=40, batch=32), "test", progress=False)
    asked = tower.of_texts(sentences.encode(["slowly, with heavy legs", "quick on light feet", "he shouts in anger"]))
    assert (asked @ tower.of_codes(centres.numpy()).T).argmax(axis=1).tolist() == [0, 1, 2]


def test_the_command_shows_what_a_sentence_is_read_as() -> None:
    result = CliRunner().invoke(style, ["text", "weeping at a funeral"])
    assert result.exit_code == 0, result.output
    assert result.output.startswith("style: ")
    assert "sad" in result.output.splitlines()[0]
    content = CliRunner().invoke(style, ["text", "--content", "kicking a ball"])
    assert content.output.split()[0] == "kick"
