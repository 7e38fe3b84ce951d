"""Packed data sets: many clips in three memory-mapped arrays and an index.

A pack is a folder: `index.json` (labels, where each clip's frames are, what was skipped, duplicates),
`rotations.npy` (N, 22, 3) uint16 in the QUAT48 code, `pelvis.npy` (N, 3) float32 metres, `contacts.npy` (N, 4) uint8
(0 or 255). N counts the frames of all clips. A pack appears whole or not at all: it is written beside its final
place and renamed.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from strut_model.clip import Clip
from strut_model.codec import decode_quat48, encode_quat48
from strut_model.skeleton import FPS, JOINT_NAMES

FORMAT_VERSION = 1
SYNTHETIC = "synthetic"
"""Tag of clips that were made from others: they may train a model, and are never real in a figure."""
_ARRAYS = {"rotations": (np.uint16, (len(JOINT_NAMES), 3)), "pelvis": (np.float32, (3,)), "contacts": (np.uint8, (4,))}


class PackError(ValueError):
    """A folder that is not a readable packed data set, or one that may not be overwritten."""


@dataclass(frozen=True)
class ClipInfo:
    """Index entry of a clip.

    Attributes:
        name: unique in the pack.
        content, style, take, dataset: labels, see `Clip`.
        start: first row in the arrays.
        frames: number of rows.
        tags: free labels.
        source: file it was imported from, relative to the imported folder.
    """

    name: str
    content: str
    style: str
    take: str
    dataset: str
    start: int
    frames: int
    tags: tuple[str, ...] = ()
    source: str = ""


@dataclass
class PackReport:
    """What an import leaves beside the clips: skipped files with reasons, duplicates found, notes on rigs."""

    skipped: list[dict[str, str]] = field(default_factory=list)
    duplicates: list[dict[str, Any]] = field(default_factory=list)
    rigs: list[dict[str, Any]] = field(default_factory=list)


class Pack:
    """Reader of a packed data set; the arrays stay on disk until they are used.

    Synthetic clips are as if they were not there unless they are asked for, so that no figure takes them for real.

    Args:
        path: the pack's folder.
        synthetic: whether clips tagged `synthetic` are read, too.

    Attributes:
        clips: index entries in the pack's order.
        left_out: names of the synthetic clips that are not read.

    Raises:
        PackError: an entry is missing or off; the message names the file, what was found and what was expected.
    """

    def __init__(self, path: str | Path, synthetic: bool = False) -> None:
        self.path = Path(path)
        index_path = self.path / "index.json"
        try:
            index = json.loads(index_path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise PackError(f"{self.path}: no index.json, expected a folder made by `strut data import`") from None
        except json.JSONDecodeError as error:
            raise PackError(f"{index_path}: not valid JSON ({error})") from None
        if index.get("version") != FORMAT_VERSION:
            raise PackError(f"{index_path}: version is {index.get('version')!r}, expected {FORMAT_VERSION}")
        if tuple(index.get("joints", ())) != JOINT_NAMES:
            raise PackError(f"{index_path}: joints differ from the canonical skeleton's")
        self.index: dict[str, Any] = index
        self.clips: list[ClipInfo] = [ClipInfo(**{**c, "tags": tuple(c.get("tags", ()))}) for c in index["clips"]]
        total = sum(c.frames for c in self.clips)
        self.rotations = self._open("rotations", total)
        self.pelvis = self._open("pelvis", total)
        self.contacts = self._open("contacts", total)
        for info in self.clips:
            if info.start < 0 or info.frames < 1 or info.start + info.frames > total:
                raise PackError(
                    f"{index_path}: clip {info.name!r} covers rows {info.start} to {info.start + info.frames}, "
                    f"allowed 0 to {total}"
                )
        self.left_out = frozenset() if synthetic else frozenset(c.name for c in self.clips if SYNTHETIC in c.tags)
        self.clips = [c for c in self.clips if c.name not in self.left_out]
        self._by_name = {info.name: i for i, info in enumerate(self.clips)}

    def _open(self, name: str, rows: int) -> np.ndarray:
        dtype, shape = _ARRAYS[name]
        path = self.path / f"{name}.npy"
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise PackError(f"{path}: cannot be read ({error})") from None
        if array.dtype != dtype or array.shape != (rows, *shape):
            raise PackError(
                f"{path}: {array.dtype} {array.shape}, expected {np.dtype(dtype)} {(rows, *shape)} as the index says"
            )
        return array

    def __len__(self) -> int:
        return len(self.clips)

    def __iter__(self) -> Iterator[Clip]:
        return (self.clip(i) for i in range(len(self)))

    @property
    def frames(self) -> int:
        """Frames of all clips together."""
        return sum(clip.frames for clip in self.clips)

    def find(self, name: str) -> int:
        """Index of the clip of that name.

        Raises:
            KeyError: there is none.
        """
        try:
            return self._by_name[name]
        except KeyError:
            hidden = ", synthetic clips are to be asked for" if name in self.left_out else ""
            raise KeyError(f"clip {name!r} is not in {self.path} ({len(self)} clips{hidden})") from None

    def clip(self, which: int | str) -> Clip:
        """Decode one clip, by index or name."""
        info = self.clips[self.find(which) if isinstance(which, str) else which]
        rows = slice(info.start, info.start + info.frames)
        return Clip(
            name=info.name,
            pelvis=np.array(self.pelvis[rows]),
            rotations=decode_quat48(self.rotations[rows]),
            contacts=self.contacts[rows].astype(np.float32) / np.float32(255),
            content=info.content,
            style=info.style,
            take=info.take,
            dataset=info.dataset,
            fps=float(self.index["fps"]),
            tags=info.tags,
        )

    def report(self) -> PackReport:
        """What the import skipped, found twice and assumed."""
        return PackReport(
            list(self.index.get("skipped", [])),
            list(self.index.get("duplicates", [])),
            list(self.index.get("rigs", [])),
        )


def write_pack(
    path: str | Path,
    clips: Iterable[Clip],
    report: PackReport | None = None,
    sources: Sequence[str] | None = None,
    overwrite: bool = False,
) -> int:
    """Write a packed data set.

    Args:
        path: the pack's folder, made by this.
        clips: in the order wanted; held in memory in packed form only.
        report: skipped files, duplicates and rigs for the index.
        sources: per clip, the file it came from.
        overwrite: replace a pack that is there already (never another folder).

    Returns:
        How many clips were written.

    Raises:
        PackError: the folder exists and may not be replaced, two clips share a name, or there is no clip.
    """
    target = Path(path)
    if target.exists() and not (overwrite and (target / "index.json").is_file()):
        raise PackError(f"{target}: exists already; choose another name, or overwrite a pack explicitly")
    target.parent.mkdir(parents=True, exist_ok=True)
    report = report or PackReport()
    infos: list[ClipInfo] = []
    packed: dict[str, list[np.ndarray]] = {name: [] for name in _ARRAYS}
    start = 0
    for number, clip in enumerate(clips):
        if abs(clip.fps - FPS) > 1e-3:
            raise PackError(f"clip {clip.name!r}: fps is {clip.fps:g}, a pack holds {FPS:g}")
        packed["rotations"].append(encode_quat48(clip.rotations))
        packed["pelvis"].append(clip.pelvis.astype(np.float32))
        packed["contacts"].append(np.rint(clip.contacts * 255).astype(np.uint8))
        source = sources[number] if sources is not None else ""
        infos.append(
            ClipInfo(
                clip.name, clip.content, clip.style, clip.take, clip.dataset, start, clip.frames, clip.tags, source
            )
        )
        start += clip.frames
    if not infos:
        raise PackError(f"{target}: no clip to write")
    names = [i.name for i in infos]
    if len(set(names)) != len(names):
        twice = sorted({n for n in names if names.count(n) > 1})[:5]
        raise PackError(f"{target}: clips share names: {', '.join(twice)}")
    index = {
        "version": FORMAT_VERSION,
        "fps": FPS,
        "joints": list(JOINT_NAMES),
        "clips": [asdict(i) for i in infos],
        "skipped": report.skipped,
        "duplicates": report.duplicates,
        "rigs": report.rigs,
    }
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        for name, parts in packed.items():
            np.save(staging / f"{name}.npy", np.concatenate(parts))
        (staging / "index.json").write_text(json.dumps(index, indent=1), encoding="utf-8")
        staging.chmod(0o755)
        if target.exists():
            shutil.rmtree(target)
        staging.rename(target)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return len(infos)


def merge_packs(packs: Sequence[Pack], path: str | Path, overwrite: bool = False) -> int:
    """Write one pack with the clips of several, in their order; skipped files, duplicates and rigs are joined.

    Returns:
        How many clips were written.

    Raises:
        PackError: clips share a name, or the folder exists and may not be replaced.
    """
    report = PackReport()
    for pack in packs:
        own = pack.report()
        report.skipped += own.skipped
        report.duplicates += own.duplicates
        report.rigs += own.rigs
    sources = [info.source for pack in packs for info in pack.clips]
    return write_pack(path, (clip for pack in packs for clip in pack), report, sources, overwrite)
