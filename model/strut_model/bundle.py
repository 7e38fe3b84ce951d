"""Model bundles: a directory with everything that inference needs, refused with a reason when anything is off.

``manifest.json`` describes the bundle and holds the hashes of its files; ``student.onnx`` generates windows,
``encoder.onnx`` turns a clip into a style; ``arrays.npz`` holds feature statistics, the named styles and contents, the
ground speed of each style and content, and a standing history to start from.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from strut_model.features import ENCODER_FEATURES, FEATURES, HISTORY, WINDOW, Statistics
from strut_model.motion import Motion
from strut_model.scene.descriptor import SIZE as SCENE_SIZE
from strut_model.skeleton import CONTACT_JOINTS, FPS, JOINT_NAMES, JOINTS, PARENTS, PART_NAMES, PARTS, REST_OFFSETS

Float = npt.NDArray[np.float32]

FORMAT = "strut-bundle"
VERSION = 1
MANIFEST = "manifest.json"
SCENE_CLOSING = 11
"""Size of `Bundle.scene_closing`."""
MAX_QUICKENING = 30.0
STUDENT = "student.onnx"
ENCODER = "encoder.onnx"
ARRAYS = "arrays.npz"
FILES = (STUDENT, ENCODER, ARRAYS)
CONTENT_KINDS = ("locomotion", "gesture", "idle")
STEPS = (1, 2, 4)


class BundleError(ValueError):
    """A bundle that cannot be used; the message names the file or field, what it holds and what is expected."""


@dataclass(frozen=True)
class StyleInfo:
    """A named style: its name, one line about it, and the data set it was learned from."""

    name: str
    description: str
    dataset: str


@dataclass(frozen=True)
class ContentInfo:
    """A named content.

    Attributes:
        name: such as "walk" or "wave".
        kind: "locomotion" (goes on for ever), "gesture" (an event with a phase) or "idle".
        mean_seconds: mean length of its clips; how long a gesture's event takes.
        facing_offset: radians from the direction of travel to the facing: 0 ahead, pi for walking backwards.
    """

    name: str
    kind: str
    mean_seconds: float
    facing_offset: float = 0.0


@dataclass(frozen=True)
class GuidanceRange:
    """Guidance weight that the student takes: from ``minimum`` to ``maximum``, ``default`` unless asked."""

    minimum: float
    maximum: float
    default: float

    def clip(self, weight: float) -> float:
        """The nearest weight in the range."""
        return min(max(weight, self.minimum), self.maximum)


@dataclass(frozen=True)
class Manifest:
    """What ``manifest.json`` says; ``raw`` is the whole document. ``scene_dim`` is None where no scenes are known."""

    name: str
    created: str
    styles: tuple[StyleInfo, ...]
    contents: tuple[ContentInfo, ...]
    neutral_style: str
    style_guidance: GuidanceRange
    content_guidance: GuidanceRange
    steps: tuple[int, ...]
    style_dim: int
    content_dim: int
    scene_dim: int | None
    borders: tuple[int, ...]
    training_data: tuple[Mapping[str, Any], ...]
    weights_licence: str
    metrics: Mapping[str, Any]
    opset: int
    raw: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Bundle:
    """A loaded and checked bundle.

    Attributes:
        path: its directory.
        manifest: what it says about itself.
        statistics: feature mean and standard deviation, (206,) each, float32.
        style_vectors: (S, 5, 64), a vector per named style and body part.
        content_vectors: (C, 64).
        speed_table: (S, C) metres a second, mean ground speed of each style and content; NaN where the data has none.
        idle: eight frames of neutral standing, at the origin, facing +Z.
        scene_layers: weight (in, out) and bias (out,) of each layer of the scene encoder; none where the student knows
            no scenes.
        scene_closing: (11,) shares of a scene's lean ahead and aside, spread of the arms, lowered gaze, bent elbows,
            lift of the feet, width and narrowing of steps, bent knees, slips and what slower runs lack that the student
            leaves to the run time (`streaming.bearing.CLOSED`).
        scene_quickening: by how much codes of scenes that quicken the steps are longer, see `scene.encoding`.
    """

    path: Path
    manifest: Manifest
    statistics: Statistics
    style_vectors: Float
    content_vectors: Float
    speed_table: Float
    idle: Motion
    scene_layers: tuple[tuple[Float, Float], ...] = ()
    scene_closing: Float = field(default_factory=lambda: np.zeros(SCENE_CLOSING, np.float32))
    scene_quickening: float = 0.0

    @property
    def student_path(self) -> Path:
        """The student's ONNX file."""
        return self.path / STUDENT

    @property
    def encoder_path(self) -> Path:
        """The encoder's ONNX file."""
        return self.path / ENCODER

    @cached_property
    def style_index(self) -> dict[str, int]:
        """Row of ``style_vectors`` by style name."""
        return {style.name: row for row, style in enumerate(self.manifest.styles)}

    @cached_property
    def content_index(self) -> dict[str, int]:
        """Row of ``content_vectors`` by content name."""
        return {content.name: row for row, content in enumerate(self.manifest.contents)}

    @property
    def neutral(self) -> Float:
        """(5, 64), the vector of the neutral style: what strength 0 gives."""
        vector: Float = self.style_vectors[self.style_index[self.manifest.neutral_style]]
        return vector

    @cached_property
    def style_norms(self) -> Float:
        """(5,), the mean length of the named styles' vectors per part; a mix is brought to it."""
        norms: Float = np.linalg.norm(self.style_vectors, axis=-1).mean(axis=0)
        return norms

    def student_inputs(self) -> dict[str, tuple[int | None, ...]]:
        """The student's inputs and their shapes; None is the batch."""
        inputs: dict[str, tuple[int | None, ...]] = {
            "noisy": (None, WINDOW, FEATURES),
            "time": (None,),
            "history": (None, HISTORY, FEATURES),
            "history_mask": (None, HISTORY),
            "trajectory": (None, WINDOW, 4),
            "trajectory_mask": (None, WINDOW, 2),
            "content": (None, self.manifest.content_dim),
            "phase": (None, 3),
            "style": (None, PARTS, self.manifest.style_dim),
            "guidance": (None, 2),
        }
        if self.manifest.scene_dim is not None:
            inputs["scene"] = (None, PARTS, self.manifest.scene_dim)
        return inputs


def default_bundle_path() -> Path:
    """Directory of the bundle that ships with the package."""
    return Path(__file__).parent / "bundles" / "default"


def load_bundle(path: str | os.PathLike[str] | None = None, verify: bool = True) -> Bundle:
    """Load a bundle's manifest and arrays and check everything that can be checked without running the networks.

    Args:
        path: the bundle's directory; None for the one that ships with the package.
        verify: compare the files' SHA-256 with the manifest. Switch off only for a bundle that was just verified.

    Raises:
        BundleError: a file is missing, its hash differs, the format or version is unknown, or a shape is off.
    """
    directory = Path(path) if path is not None else default_bundle_path()
    document = _read_manifest(directory)
    manifest = _parse_manifest(document)
    _check_files(directory, document, verify)
    arrays = _read_arrays(directory / ARRAYS)
    styles, contents = len(manifest.styles), len(manifest.contents)
    shapes: dict[str, tuple[int, ...]] = {
        "feature_mean": (FEATURES,),
        "feature_std": (FEATURES,),
        "style_vectors": (styles, PARTS, manifest.style_dim),
        "content_vectors": (contents, manifest.content_dim),
        "speed_table": (styles, contents),
        "idle_root_position": (HISTORY, 2),
        "idle_root_heading": (HISTORY,),
        "idle_pelvis": (HISTORY, 3),
        "idle_rotations": (HISTORY, JOINTS, 4),
        "idle_contacts": (HISTORY, 4),
    }
    checked = {name: _checked_array(arrays, name, shape) for name, shape in shapes.items()}
    if not (checked["feature_std"] > 0).all():
        raise BundleError(f"{ARRAYS}: feature_std holds {checked['feature_std'].min()}; every entry must be above 0")
    lengths = np.linalg.norm(checked["idle_rotations"], axis=-1)
    if np.abs(lengths - 1).max() > 1e-3:
        raise BundleError(f"{ARRAYS}: idle_rotations holds a quaternion of length {lengths.flat[0]}; expected 1")
    return Bundle(
        path=directory,
        manifest=manifest,
        statistics=Statistics(checked["feature_mean"], checked["feature_std"]),
        style_vectors=checked["style_vectors"],
        content_vectors=checked["content_vectors"],
        speed_table=checked["speed_table"],
        idle=Motion(
            checked["idle_root_position"],
            checked["idle_root_heading"],
            checked["idle_pelvis"],
            checked["idle_rotations"],
            checked["idle_contacts"],
        ),
        scene_layers=() if manifest.scene_dim is None else _scene_layers(arrays, manifest.scene_dim),
        scene_closing=_scene_closing(arrays),
        scene_quickening=_scene_quickening(arrays),
    )


def base_manifest() -> dict[str, Any]:
    """The part of a manifest that follows from this version of the code; an export adds the rest and seals it."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "created": date.today().isoformat(),
        "skeleton": {
            "joint_names": list(JOINT_NAMES),
            "parents": [int(parent) for parent in PARENTS],
            "rest_offsets": [[round(float(value), 6) for value in row] for row in REST_OFFSETS],
            "contact_joints": [JOINT_NAMES[joint] for joint in CONTACT_JOINTS],
        },
        "window": {"fps": FPS, "history": HISTORY, "frames": WINDOW, "borders": [0]},
        "features": {"count": FEATURES, "encoder": ENCODER_FEATURES},
        "parts": list(PART_NAMES),
        "steps": list(STEPS),
    }


def seal_bundle(directory: str | os.PathLike[str], document: Mapping[str, Any]) -> None:
    """Hash the bundle's files and write its manifest, last and in one rename, so that a bundle is whole or refused.

    Args:
        directory: where student, encoder and arrays already lie.
        document: the manifest without ``files``.
    """
    directory = Path(directory)
    sealed = dict(document)
    sealed["files"] = {
        name: {"sha256": file_hash(directory / name), "bytes": (directory / name).stat().st_size} for name in FILES
    }
    temporary = directory / (MANIFEST + ".partial")
    temporary.write_text(json.dumps(sealed, indent=2) + "\n", encoding="utf-8")
    temporary.replace(directory / MANIFEST)


def file_hash(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _read_manifest(directory: Path) -> dict[str, Any]:
    path = directory / MANIFEST
    if not directory.is_dir():
        raise BundleError(f"{directory}: no such bundle directory")
    if not path.is_file():
        raise BundleError(f"{directory}: {MANIFEST} is missing, so this is not a bundle")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BundleError(f"{MANIFEST}: not valid JSON ({error})") from error
    if not isinstance(document, dict):
        raise BundleError(f"{MANIFEST}: holds a {type(document).__name__}, expected an object")
    return document


def _get(document: Mapping[str, Any], name: str, kind: type | tuple[type, ...]) -> Any:
    """The value at a dotted path of the manifest, checked for its JSON type."""
    value: Any = document
    for key in name.split("."):
        if not isinstance(value, Mapping) or key not in value:
            raise BundleError(f"{MANIFEST}: {name} is missing")
        value = value[key]
    if not isinstance(value, kind) or isinstance(value, bool):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        raise BundleError(f"{MANIFEST}: {name} is {value!r}, expected {' or '.join(k.__name__ for k in kinds)}")
    return value


def _expect(document: Mapping[str, Any], name: str, expected: object) -> None:
    value = _get(document, name, (str, int, float, list))
    if value != expected:
        raise BundleError(f"{MANIFEST}: {name} is {value!r}, expected {expected!r}")


def _guidance(document: Mapping[str, Any], name: str) -> GuidanceRange:
    low, high, default = (
        float(_get(document, f"guidance.{name}.{key}", (int, float))) for key in ("min", "max", "default")
    )
    if not low <= default <= high:
        raise BundleError(f"{MANIFEST}: guidance.{name}.default is {default}, expected between {low} and {high}")
    return GuidanceRange(low, high, default)


def _parse_manifest(document: Mapping[str, Any]) -> Manifest:
    _expect(document, "format", FORMAT)
    _expect(document, "version", VERSION)
    _expect(document, "skeleton.joint_names", list(JOINT_NAMES))
    _expect(document, "skeleton.parents", [int(parent) for parent in PARENTS])
    offsets = np.asarray(_get(document, "skeleton.rest_offsets", list), np.float64)
    if offsets.shape != REST_OFFSETS.shape or np.abs(offsets - REST_OFFSETS).max() > 1e-4:
        raise BundleError(f"{MANIFEST}: skeleton.rest_offsets are not those of the canonical skeleton of this version")
    _expect(document, "window.fps", FPS)
    _expect(document, "window.history", HISTORY)
    _expect(document, "window.frames", WINDOW)
    _expect(document, "features.count", FEATURES)
    _expect(document, "dims.parts", PARTS)
    styles = tuple(
        StyleInfo(str(row["name"]), str(row.get("description", "")), str(row.get("dataset", "")))
        for row in _named_rows(document, "styles")
    )
    contents = tuple(
        ContentInfo(
            str(row["name"]),
            str(row.get("kind", "")),
            float(row.get("mean_seconds", 0.0)),
            float(row.get("facing_offset", 0.0)),
        )
        for row in _named_rows(document, "contents")
    )
    for content in contents:
        if content.kind not in CONTENT_KINDS:
            raise BundleError(
                f"{MANIFEST}: contents: kind of {content.name!r} is {content.kind!r}, "
                f"expected one of {', '.join(CONTENT_KINDS)}"
            )
    neutral = _get(document, "neutral_style", str)
    if neutral not in {style.name for style in styles}:
        raise BundleError(f"{MANIFEST}: neutral_style is {neutral!r}, which is not among the styles")
    steps = tuple(_get(document, "steps", list))
    if not steps or not set(steps) <= set(STEPS):
        raise BundleError(f"{MANIFEST}: steps is {list(steps)}, expected some of {list(STEPS)}")
    borders = tuple(int(border) for border in document.get("window", {}).get("borders", [0]))
    if any(not 0 <= border <= WINDOW - 3 for border in borders):
        raise BundleError(f"{MANIFEST}: window.borders is {list(borders)}, expected frames from 0 to {WINDOW - 3}")
    return Manifest(
        name=_get(document, "name", str),
        created=str(document.get("created", "")),
        styles=styles,
        contents=contents,
        neutral_style=neutral,
        style_guidance=_guidance(document, "style"),
        content_guidance=_guidance(document, "content"),
        steps=steps,
        style_dim=_get(document, "dims.style", int),
        content_dim=_get(document, "dims.content", int),
        scene_dim=_scene_dim(document),
        borders=borders,
        training_data=tuple(document.get("training_data", ())),
        weights_licence=str(document.get("weights_licence", "")),
        metrics=document.get("metrics", {}),
        opset=int(document.get("opset", 0)),
        raw=document,
    )


def _named_rows(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    rows = _get(document, name, list)
    if not rows:
        raise BundleError(f"{MANIFEST}: {name} is empty; a bundle has at least one")
    for index, row in enumerate(rows):
        if not isinstance(row, Mapping) or not isinstance(row.get("name"), str):
            raise BundleError(f"{MANIFEST}: {name}[{index}] is {row!r}, expected an object with a name")
    names = [row["name"] for row in rows]
    repeated = sorted({given for given in names if names.count(given) > 1})
    if repeated:
        raise BundleError(f"{MANIFEST}: {name} holds {', '.join(repeated)} more than once")
    return rows


def _scene_dim(document: Mapping[str, Any]) -> int | None:
    """The scene input's size per body part; None where the manifest has none."""
    if "scene" not in _get(document, "dims", dict):
        return None
    size = int(_get(document, "dims.scene", int))
    if size < 1:
        raise BundleError(f"{MANIFEST}: dims.scene is {size}, expected 1 or more")
    return size


def _scene_closing(arrays: Mapping[str, npt.NDArray[Any]]) -> Float:
    """The shares that the run time closes; none where the bundle says nothing of it."""
    if "scene_closing" not in arrays:
        return np.zeros(SCENE_CLOSING, np.float32)
    # Bundles of before students left steps to the run time hold the first six.
    size = 6 if arrays["scene_closing"].shape == (6,) else SCENE_CLOSING
    shares = _checked_array(arrays, "scene_closing", (size,))
    if not 0 <= shares.min() <= shares.max() <= 1.5:
        worst = shares.min() if shares.min() < 0 else shares.max()
        raise BundleError(f"{ARRAYS}: scene_closing holds {worst:g}, expected 0 to 1.5")
    return np.asarray(np.pad(shares, (0, SCENE_CLOSING - size)), np.float32)


def _scene_quickening(arrays: Mapping[str, npt.NDArray[Any]]) -> float:
    if "scene_quickening" not in arrays:
        return 0.0
    value = float(_checked_array(arrays, "scene_quickening", (1,))[0])
    if not 0 <= value <= MAX_QUICKENING:
        raise BundleError(f"{ARRAYS}: scene_quickening is {value:g}, expected 0 to {MAX_QUICKENING:g}")
    return value


def _scene_layers(arrays: Mapping[str, npt.NDArray[Any]], size: int) -> tuple[tuple[Float, Float], ...]:
    """The scene encoder's layers, from a descriptor's vector to a code per body part."""
    layers: list[tuple[Float, Float]] = []
    width = SCENE_SIZE
    while f"scene_weight_{len(layers)}" in arrays or not layers:
        name = f"scene_weight_{len(layers)}"
        if name not in arrays:
            raise BundleError(f"{ARRAYS}: {name} is missing")
        shape = arrays[name].shape
        if len(shape) != 2 or shape[0] != width:
            raise BundleError(f"{ARRAYS}: {name} has shape {shape}, expected ({width}, any)")
        width = int(shape[1])
        layers.append(
            (
                _checked_array(arrays, name, (int(shape[0]), width)),
                _checked_array(arrays, f"scene_bias_{len(layers)}", (width,)),
            )
        )
    if width != PARTS * size:
        raise BundleError(
            f"{ARRAYS}: scene_weight_{len(layers) - 1} has {width} columns, expected {PARTS * size}: "
            f"{PARTS} parts of {size}"
        )
    return tuple(layers)


def _check_files(directory: Path, document: Mapping[str, Any], verify: bool) -> None:
    for name in FILES:
        path = directory / name
        files = _get(document, "files", dict)
        if name not in files:
            raise BundleError(f"{MANIFEST}: files has no entry for {name}")
        entry = files[name]
        if not path.is_file():
            raise BundleError(f"{directory}: {name} is missing")
        size = path.stat().st_size
        if size != entry.get("bytes"):
            raise BundleError(f"{name}: has {size} bytes, the manifest expects {entry.get('bytes')}")
        if verify:
            have = file_hash(path)
            if have != entry.get("sha256"):
                raise BundleError(f"{name}: SHA-256 is {have}, the manifest expects {entry.get('sha256')}")


def _read_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise BundleError(f"{path.name}: cannot be read ({error})") from error


def _checked_array(arrays: Mapping[str, npt.NDArray[Any]], name: str, shape: tuple[int, ...]) -> Float:
    if name not in arrays:
        raise BundleError(f"{ARRAYS}: {name} is missing")
    array = arrays[name]
    if array.shape != shape:
        raise BundleError(f"{ARRAYS}: {name} has shape {array.shape}, expected {shape}")
    # The speed table alone has gaps: style and content pairs without data.
    if name != "speed_table" and not np.isfinite(array).all():
        raise BundleError(f"{ARRAYS}: {name} holds a value that is not finite")
    checked: Float = np.ascontiguousarray(array, np.float32)
    return checked
