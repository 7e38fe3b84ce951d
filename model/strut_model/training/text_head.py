"""The text head: sentences and motions in one space, by contrastive training on written descriptions.

A linear map takes a sentence's vector (all-MiniLM-L6-v2) and another one a clip's code into a common space. There a
wording and the clips of its style are drawn together against the other styles, both ways round (InfoNCE; CLIP, Radford
et al. 2021, in the form with many positives of Khosla et al. 2020), and contents by their own codes in the same way.
Both maps are small on purpose: there are few wordings, and what they mean the sentence encoder knows already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from strut_model import sentences
from strut_model.bundle import Bundle
from strut_model.styles.text import TextHead, Tower, encoder_of, wordings
from strut_model.styles.vectors import part_cosine
from strut_model.training.dataset import Codes, FrameStore
from strut_model.training.encoder import compute_codes, encode_segments, load_encoder

Float = NDArray[np.float32]

_FRAMES = ("{}", "like {}", "walks like {}", "someone who is {}", "moving as if {}", "a character: {}", "{}, please")


@dataclass(frozen=True)
class TextTraining:
    """How the head is trained.

    Attributes:
        size: dimensions of the common space.
        steps: batches.
        batch: wordings a batch, and as many clips.
        learning_rate: of AdamW, falling to zero.
        weight_decay: of AdamW.
        temperature: of the softmax.
        shrinkage: share of the sentence vectors' scatter that is taken as alike in all directions.
        ridge: of the regression from codes, as a share of their mean square.
        noise: standard deviation of what is added to sentence vectors (of unit length), over all of their numbers.
        dropout: share of a sentence vector's numbers that are hidden.
        held: share of the wordings that are held out, to choose these numbers by; 0 for the head that ships.
        seed: of everything random.
    """

    size: int = 24
    steps: int = 300
    batch: int = 128
    learning_rate: float = 3e-4
    weight_decay: float = 0.05
    temperature: float = 0.1
    shrinkage: float = 0.6
    ridge: float = 0.1
    noise: float = 1.0
    dropout: float = 0.2
    held: float = 0.0
    seed: int = 5


@dataclass(frozen=True)
class _Pairs:
    """Sentence vectors (N, 384) with their labels (N,), and codes (M, D) with theirs (M,)."""

    texts: Tensor
    text_labels: Tensor
    codes: Tensor
    code_labels: Tensor


def train_text_head(
    pack: Path, split: Path, encoder: Path, bundle: Bundle, out: Path, config: TextTraining, progress: bool = True
) -> dict[str, float]:
    """Trains a head for an encoder's codes and writes it; takes a minute or two on one core.

    Args:
        pack, split: the data set whose training clips give the codes.
        encoder: checkpoint of the encoder.
        bundle: made with that encoder; the head is for bundles with its graph.
        out: the file (NPZ).
        config: how.
        progress: show progress bars.

    Returns:
        Share of held-out wordings whose label comes first, ``styles`` and ``contents``; empty where none is held out.

    Raises:
        ValueError: the data have styles or contents without a wording, or the bundle has another encoder.
    """
    store = FrameStore(pack, split, mirror=True, synthetic=False)
    network = load_encoder(encoder)
    style, content = encode_segments(network, store)
    codes = compute_codes(network, store)
    _check_encoder(bundle, codes)
    known = wordings()
    kept = store.length >= 32
    figures: dict[str, float] = {}
    towers: dict[str, Tower] = {}
    for kind, names, code, labels, prototypes in (
        ("styles", store.style_names, style.flatten(1), store.style, codes.style_prototypes.flatten(1)),
        ("contents", store.content_names, content, store.content, codes.content_prototypes),
    ):
        texts = known.styles if kind == "styles" else known.contents
        missing = [name for name in names if name not in texts]
        if missing:
            raise ValueError(
                f"wording: none for {', '.join(missing)}; {sentences.EXTRA} needs some for each of the {kind}"
            )
        held, rows = _divided(texts, names, config)
        unit = nn.functional.normalize
        pairs = _Pairs(*_text_rows(rows, names), unit(code[kept], dim=-1), labels[kept])
        tower = _trained(pairs, config, f"{kind} in words", progress)
        towers[kind] = tower
        if held:
            head_names = list(names)
            shared = tower.of_codes(prototypes.numpy())
            vectors = tower.of_texts(sentences.encode([text for text, _ in held]))
            said = (vectors @ shared.T).argmax(axis=1)
            figures[kind] = float(np.mean([head_names[i] == name for i, (_, name) in zip(said, held)]))
    TextHead(towers["styles"], towers["contents"], encoder_of(bundle)).write(out)
    return figures


def _check_encoder(bundle: Bundle, codes: Codes) -> None:
    for name, vector in zip(codes.style_names, codes.style_prototypes.numpy()):
        own = bundle.style_index.get(name)
        if own is not None and part_cosine(vector[None], bundle.style_vectors[own][None])[0, 0] < 0.95:
            raise ValueError(f"bundle: {bundle.path} was not made with this encoder on this data: {name} differs")


def _divided(
    texts: Mapping[str, Sequence[str]], names: Sequence[str], config: TextTraining
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Held-out and training wordings, each with its label."""
    generator = np.random.default_rng(config.seed)
    held: list[tuple[str, str]] = []
    rows: list[tuple[str, str]] = []
    for name in names:
        own = list(texts[name])
        # The label itself, which is first, always trains.
        out = set(generator.permutation(np.arange(1, len(own)))[: round(config.held * len(own))].tolist())
        held += [(text, name) for i, text in enumerate(own) if i in out]
        rows += [(text, name) for i, text in enumerate(own) if i not in out]
    return held, rows


def _text_rows(rows: Sequence[tuple[str, str]], names: Sequence[str]) -> tuple[Tensor, Tensor]:
    texts = [frame.format(text) for text, _ in rows for frame in _FRAMES]
    labels = [names.index(name) for _, name in rows for _ in _FRAMES]
    return torch.from_numpy(sentences.encode(texts)), torch.tensor(labels)


def _trained(pairs: _Pairs, config: TextTraining, title: str, progress: bool) -> Tower:
    torch.manual_seed(config.seed)
    text = nn.Linear(pairs.texts.shape[1], config.size, bias=False)
    code = nn.Linear(pairs.codes.shape[1], config.size, bias=False)
    with torch.no_grad():
        for layer, weight in zip((text, code), _aligned(pairs, config), strict=True):
            layer.weight.copy_(weight)
    parameters = [*text.parameters(), *code.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=config.weight_decay)
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.steps)
    text_weights = 1.0 / torch.bincount(pairs.text_labels)[pairs.text_labels].float()
    code_weights = 1.0 / torch.bincount(pairs.code_labels)[pairs.code_labels].float()
    unit = nn.functional.normalize
    for _ in tqdm(range(config.steps), desc=title, unit="batch", disable=not progress):
        chosen = torch.multinomial(text_weights, config.batch, replacement=True)
        clips = torch.multinomial(code_weights, config.batch, replacement=True)
        vectors = pairs.texts[chosen]
        vectors = vectors + config.noise * torch.randn_like(vectors) / vectors.shape[1] ** 0.5
        first = unit(text(nn.functional.dropout(vectors, config.dropout)), dim=-1)
        second = unit(code(pairs.codes[clips]), dim=-1)
        same = pairs.text_labels[chosen][:, None] == pairs.code_labels[clips]
        loss = _both_ways(first @ second.T / config.temperature, same)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rate.step()
    return Tower(text.weight.detach().numpy().T.copy(), code.weight.detach().numpy().T.copy())


def _aligned(pairs: _Pairs, config: TextTraining) -> tuple[Tensor, Tensor]:
    """Both maps (K, 384) and (K, D) to start from, in closed form.

    The common space is that of the labels' mean sentence vectors, apart from what they all share and measured by how
    wordings of one label scatter (linear discriminants, with a shrunk covariance); codes go to their label's place
    there by ridge regression. Learning from chance instead forgets what the sentence encoder knows of words that are
    in no description.
    """
    unit = nn.functional.normalize
    labels = range(int(pairs.text_labels.max()) + 1)
    means = torch.stack([pairs.texts[pairs.text_labels == label].mean(0) for label in labels]).double()
    rest = pairs.texts.double() - means[pairs.text_labels]
    scatter = rest.T @ rest / len(rest)
    level = scatter.diagonal().mean() * torch.eye(len(scatter), dtype=scatter.dtype)
    values, vectors = torch.linalg.eigh((1 - config.shrinkage) * scatter + config.shrinkage * level)
    whiten = vectors @ torch.diag(values.rsqrt()) @ vectors.T
    whitened = means @ whiten
    apart = whitened - whitened.mean(0)
    basis = torch.linalg.svd(apart, full_matrices=False)[2][: config.size]
    text = torch.zeros(config.size, pairs.texts.shape[1])
    text[: len(basis)] = (basis @ whiten).float()
    text /= (means.float() @ text.T).norm(dim=-1).mean()
    means = means.float()
    weight = (1.0 / torch.bincount(pairs.code_labels).float())[pairs.code_labels][:, None]
    places = unit(means @ text.T, dim=-1)[pairs.code_labels]
    gram = pairs.codes.T @ (weight * pairs.codes)
    gram += config.ridge * gram.diagonal().mean() * torch.eye(len(gram))
    return text, torch.linalg.solve(gram, pairs.codes.T @ (weight * places)).T


def _both_ways(logits: Tensor, same: Tensor) -> Tensor:
    """InfoNCE of texts over clips and of clips over texts, averaged over anchors that have a positive."""
    total = logits.new_zeros(())
    for side, positive in ((logits, same), (logits.T, same.T)):
        share = side - torch.logsumexp(side, dim=1, keepdim=True)
        count = positive.sum(1)
        own = -(share.masked_fill(~positive, 0.0)).sum(1) / count.clamp(min=1)
        total = total + own[count > 0].mean() / 2
    return total
