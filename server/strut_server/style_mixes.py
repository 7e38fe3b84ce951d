"""Styles of requests: names, vectors, weights, strength and parts, checked and mixed into one vector per body part.

Characters ask for the same few mixes over and over, so what a message means is remembered by its bytes.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from strut_model.bundle import Bundle
from strut_model.skeleton import PART_NAMES, PARTS
from strut_model.streaming.controls import MAX_STRENGTH, MAX_WEIGHT, ControlError, PartStyle, StyleMix, style_vector
from strut_model.styles.dimensions import MAX_VALUE, dimensions_of, turned
from strut_proto.v1 import controls_pb2, motion_service_pb2, skeleton_pb2
from strut_server.checks import Checker, listed
from strut_server.errors import capability_missing
from strut_server.requests import ContentChoice, StyleChoice
from strut_server.styles import StyleRepository, nearest

Float = npt.NDArray[np.float32]

REMEMBERED_MIXES = 1024
LONG_KEY = 256
CODE_LIMIT = 1000.0
MAX_PRIORITY = 100
MAX_DIMENSIONS = 16
_LEG = PART_NAMES.index("left_leg")
UNCLAIMED = 0.95
"""Cosine to the neutral style from which on a style says nothing of a body part; the model's own have .55 at
most."""

PART_OF: dict[int, str] = {
    skeleton_pb2.BODY_PART_TORSO: "torso",
    skeleton_pb2.BODY_PART_LEFT_LEG: "left_leg",
    skeleton_pb2.BODY_PART_RIGHT_LEG: "right_leg",
    skeleton_pb2.BODY_PART_LEFT_ARM: "left_arm",
    skeleton_pb2.BODY_PART_RIGHT_ARM: "right_arm",
}


@dataclass(frozen=True)
class _Component:
    """A style of a mix: its vector (5, 64), weight and priority."""

    vector: Float
    weight: float
    priority: int


def _chosen(components: Sequence[_Component], rows: Sequence[int] | None = None) -> list[tuple[str | Float, float]]:
    """Some or all of the components, as mixes take them."""
    some = components if rows is None else [components[i] for i in rows]
    return [(c.vector, c.weight) for c in some]


def _cosine(a: Float, b: Float) -> float:
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-9))


class StyleReader:
    """Reads StyleMix messages.

    Args:
        bundle: neutral style and guidance range.
        styles: what names mean.
        max_components: most styles in one mix.
    """

    def __init__(self, bundle: Bundle, styles: StyleRepository, max_components: int) -> None:
        self._bundle = bundle
        self._repository = styles
        self._max_components = max_components
        self._mixes: OrderedDict[bytes, StyleChoice] = OrderedDict()
        self._version = styles.version
        self._axes = dimensions_of(bundle)

    def read(self, message: controls_pb2.StyleMix, check: Checker, path: str = "controls.style") -> StyleChoice | None:
        """The style that a message asks for; None where ``check`` found something wrong.

        Args:
            message: the mix.
            check: takes what is wrong with it.
            path: of the message, for the fields that are named.

        Raises:
            RequestError: UNIMPLEMENTED for a field that this server does not have.
        """
        if self._version != self._repository.version:
            self._mixes.clear()
            self._version = self._repository.version
        key = message.SerializeToString(deterministic=True)
        if len(key) > LONG_KEY:
            # A thousand mixes of vectors, as bytes, would take a hundred megabytes.
            key = hashlib.blake2b(key, digest_size=32).digest()
        choice = self._mixes.get(key)
        if choice is not None:
            self._mixes.move_to_end(key)
            return choice
        before = len(check.violations)
        self._check_dimensions(message.dimensions, f"{path}.dimensions", check)
        mix, walking = self._read_mix(message, check, path)
        if len(check.violations) > before:
            return None
        try:
            vector, guidance = style_vector(self._bundle, mix)
        except ControlError as error:
            check.refuse(f"{path}{error.field.removeprefix('style')}", error.value, error.allowed)
            return None
        if message.dimensions:
            vector = turned(vector, self._axes, {dimension.name: dimension.value for dimension in message.dimensions})
        choice = StyleChoice(vector, guidance, self._named_rows(message, walking))
        self._mixes[key] = choice
        if len(self._mixes) > REMEMBERED_MIXES:
            self._mixes.popitem(last=False)
        return choice

    def _check_dimensions(self, messages: Sequence[controls_pb2.StyleDimension], path: str, check: Checker) -> None:
        if messages and not self._axes:
            raise capability_missing("CAPABILITY_STYLE_DIMENSIONS", path)
        if not check.count(path, len(messages), 0, MAX_DIMENSIONS, "dimensions"):
            return
        names = [message.name for message in messages]
        for index, message in enumerate(messages):
            if message.name not in self._axes:
                check.refuse(f"{path}[{index}].name", message.name, listed(list(self._axes)))
            elif message.name in names[:index]:
                check.refuse(f"{path}[{index}].name", message.name, "each dimension at most once")
            check.number(f"{path}[{index}].value", message.value, -MAX_VALUE, MAX_VALUE)

    def pair_warning(self, style: StyleChoice, content: ContentChoice) -> motion_service_pb2.Warning | None:
        """A warning where the content was never seen in one of the named styles."""
        if content.row is None:
            return None
        unseen = [row for row, _ in style.rows if np.isnan(self._bundle.speed_table[row, content.row])]
        if not unseen:
            return None
        names = listed([self._bundle.manifest.styles[row].name for row in unseen])
        label = self._bundle.manifest.contents[content.row].name
        return motion_service_pb2.Warning(
            code=motion_service_pb2.WARNING_CODE_PAIR_NOT_IN_TRAINING_DATA,
            field="controls.style",
            message=f"the training data does not show {label} in the style {names}",
        )

    def _named_rows(self, message: controls_pb2.StyleMix, walking: Sequence[int]) -> tuple[tuple[int, float], ...]:
        """Rows of the bundle's styles among the components that count on the legs, with their weights; the neutral one
        where there is no component at all."""
        index = self._bundle.style_index
        if not message.components:
            return ((index[self._bundle.manifest.neutral_style], 1.0),)
        heard = [message.components[i] for i in walking]
        return tuple((index[c.name], _weight(c)) for c in heard if c.name in index and _weight(c) > 0)

    def _read_mix(self, message: controls_pb2.StyleMix, check: Checker, path: str) -> tuple[StyleMix, list[int]]:
        """The mix, and which of its components count on the legs."""
        if message.gating == controls_pb2.STYLE_GATING_AUTOMATIC:
            raise capability_missing("CAPABILITY_STYLE_GATING", f"{path}.gating")
        if message.gating not in controls_pb2.StyleGating.values():
            check.refuse(f"{path}.gating", message.gating, listed(controls_pb2.StyleGating.keys()))
        strength = 1.0
        if message.HasField("strength"):
            strength = message.strength
            check.number(f"{path}.strength", strength, 0.0, MAX_STRENGTH)
        components = self._read_components(message.components, f"{path}.components", check)
        parts = self._read_parts(message.parts, f"{path}.parts", check)
        for part, name in enumerate(PART_NAMES):
            own = parts.get(name)
            if own is not None and own.components:
                continue
            heard = self._heard(components, part)
            if len(heard) < len(components):
                parts[name] = PartStyle(_chosen(components, heard), own.strength if own is not None else None)
        return StyleMix(_chosen(components), strength, parts), self._heard(components, _LEG)

    def _read_parts(
        self, messages: Sequence[controls_pb2.PartStyle], path: str, check: Checker
    ) -> dict[str, PartStyle]:
        parts: dict[str, PartStyle] = {}
        check.count(path, len(messages), 0, PARTS, "parts")
        for index, message in enumerate(messages[:PARTS]):
            here = f"{path}[{index}]"
            name = PART_OF.get(message.part)
            if name is None:
                check.refuse(f"{here}.part", message.part, listed([f"BODY_PART_{part.upper()}" for part in PART_NAMES]))
                continue
            if name in parts:
                check.refuse(f"{here}.part", skeleton_pb2.BodyPart.Name(message.part), "each part at most once")
            strength = message.strength if message.HasField("strength") else None
            if strength is not None:
                check.number(f"{here}.strength", strength, 0.0, MAX_STRENGTH)
            components = self._read_components(message.components, f"{here}.components", check)
            heard = self._heard(components, PART_NAMES.index(name))
            parts[name] = PartStyle(_chosen(components, heard) or None, strength)
        return parts

    def _heard(self, components: Sequence[_Component], part: int) -> list[int]:
        """Which count on a part: of those that leave the neutral style there, the ones of the highest priority.

        Where none leaves it, or all have one priority, all count.
        """
        weighted = [i for i, c in enumerate(components) if c.weight > 0]
        if len({components[i].priority for i in weighted}) > 1:
            neutral = self._bundle.neutral[part]
            claiming = [i for i in weighted if _cosine(components[i].vector[part], neutral) < UNCLAIMED]
            if claiming:
                highest = max(components[i].priority for i in claiming)
                return [i for i in claiming if components[i].priority == highest]
        return list(range(len(components)))

    def _read_components(
        self, messages: Sequence[controls_pb2.StyleComponent], path: str, check: Checker
    ) -> list[_Component]:
        if not check.count(path, len(messages), 0, self._max_components, "styles"):
            return []
        components: list[_Component] = []
        for index, message in enumerate(messages):
            here = f"{path}[{index}]"
            check.number(f"{here}.priority", message.priority, -MAX_PRIORITY, MAX_PRIORITY)
            weight = _weight(message)
            check.number(f"{here}.weight", weight, 0.0, MAX_WEIGHT)
            vector = self._read_style(message, here, check)
            if vector is not None:
                components.append(_Component(vector, weight, message.priority))
        if messages and not any(_weight(message) > 0 for message in messages):
            check.note(path, "has no weight above 0", "at least one weight above 0")
        return components

    def _read_style(self, message: controls_pb2.StyleComponent, path: str, check: Checker) -> Float | None:
        kind = message.WhichOneof("style")
        if kind == "name":
            style = self._repository.get(message.name)
            if style is None:
                names = self._repository.names()
                near = nearest(message.name, names)
                suggestion = f" (nearest: {listed(near)})" if near else ""
                check.refuse(f"{path}.name", message.name, listed(names) + suggestion)
                return None
            return style.vector
        if kind == "vector":
            size = PARTS * self._bundle.manifest.style_dim
            values = message.vector.values
            if not check.count(f"{path}.vector.values", len(values), size, size, "values"):
                return None
            vector = np.array(values, np.float32)
            if not check.values(f"{path}.vector.values", vector, -CODE_LIMIT, CODE_LIMIT):
                return None
            return vector.reshape(PARTS, -1)
        check.require(False, f"{path}.style", "a name or a vector")
        return None


def _weight(component: controls_pb2.StyleComponent) -> float:
    return component.weight if component.HasField("weight") else 1.0
