"""The report on codes: probes and retrieval against cases worked out by hand."""

from __future__ import annotations

import numpy as np
import torch

from strut_model.evaluation.encoder_report import macro, probe, similarity


def test_macro_accuracy_weights_groups_evenly() -> None:
    correct = np.array([True, True, True, False])
    assert macro(correct, np.array(["a", "a", "a", "b"])) == 0.5


def test_a_probe_reads_a_label_that_is_there_and_only_guesses_one_that_is_not() -> None:
    generator = np.random.default_rng(0)
    codes = torch.from_numpy(generator.normal(size=(400, 8))).float()
    there = np.where(codes[:, 2].numpy() > 0, "left", "right")
    absent = generator.choice(["left", "right"], size=400)
    assert probe(codes[:300], there[:300], codes[300:], there[300:]) > 0.9
    assert 0.3 < probe(codes[:300], absent[:300], codes[300:], absent[300:]) < 0.7


def test_similarity_is_the_mean_cosine_over_the_parts() -> None:
    a = torch.nn.functional.normalize(torch.ones(1, 5, 4), dim=-1)
    b = a.clone()
    b[:, :2] *= -1
    torch.testing.assert_close(similarity(a, torch.cat((a, b))), torch.tensor([[1.0, 0.2]]))
