"""What a character is to do, in Python's terms, and how it becomes the contract's messages.

Nothing is checked here: the server checks, and names the field, its value and the allowed range.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from strut_proto.v1 import controls_pb2 as pb
from strut_proto.v1 import geometry_pb2, skeleton_pb2

StyleVector = NDArray[np.floating]
"""(5, 64) one code per body part."""


@dataclass(frozen=True)
class PartStyle:
    """The style of one body part in place of the mix's.

    Attributes:
        components: names of styles with their weights; empty for the mix's own.
        strength: 0 to 1.5; None for the mix's.
    """

    components: Mapping[str, float] = field(default_factory=dict)
    strength: float | None = None


@dataclass(frozen=True)
class StyleMix:
    """How a character moves.

    Attributes:
        components: names of styles with their weights, which need not sum to 1; empty for the neutral style.
        vectors: style vectors (5, 64) with their weights, mixed with the named styles.
        strength: 0 neutral, 1 the style as it is, up to 1.5; None for 1.
        parts: overrides by body part: torso, left_leg, right_leg, left_arm, right_arm.
        priorities: of named styles, -100 to 100; on a body part where styles conflict those of the highest count. 0 for
            the others.
        dimensions: how far the style is turned by dimension, such as ``{"amplitude": 1.0}``: standard deviations over
            the stored styles, -4 to 4.
    """

    components: Mapping[str, float] = field(default_factory=dict)
    vectors: Sequence[tuple[StyleVector, float]] = ()
    strength: float | None = None
    parts: Mapping[str, PartStyle] = field(default_factory=dict)
    priorities: Mapping[str, int] = field(default_factory=dict)
    dimensions: Mapping[str, float] = field(default_factory=dict)


Style = str | Mapping[str, float] | StyleMix | StyleVector | None
"""A style's name, names with weights, a whole mix, a vector (5, 64), or None for the neutral style."""

Content = str | NDArray[np.floating]
"""A content's label or a content code (64,)."""


@dataclass(frozen=True)
class Scene:
    """Where a character is, in one of four forms.

    Attributes:
        preset: a scene preset's name; empty for another form.
        text: the scene in words; empty likewise.
        quantities: the scene's quantities by name, such as ``{"friction": 0.1, "wind_z": -8.0}``.
        vector: (5, 64) a scene's vector as the server encodes it; None likewise.
        alpha: how strongly it shows, 0 to 1.5; None for 1.
    """

    preset: str = ""
    text: str = ""
    quantities: Mapping[str, float] = field(default_factory=dict)
    vector: NDArray[np.floating] | None = None
    alpha: float | None = None


@dataclass(frozen=True)
class Gesture:
    """Where in a gesture the character is.

    Attributes:
        phase: 0 at its first, 1 at its last frame; None to go on, or begin.
        duration: seconds for the whole gesture; None for its usual length.
        hold: keeps the phase where it is.
    """

    phase: float | None = None
    duration: float | None = None
    hold: bool = False


@dataclass(frozen=True)
class TrajectorySample:
    """One sample of the path ahead; any subset may be given.

    Attributes:
        position: x and z, metres in the window's space.
        facing: heading, radians.
        speed: metres a second.
        time: seconds from the first frame asked for.
    """

    position: tuple[float, float] | None = None
    facing: float | None = None
    speed: float | None = None
    time: float | None = None


@dataclass(frozen=True)
class Controls:
    """Everything that a window is made from besides its history.

    Attributes:
        content: what the character does.
        style: how it moves.
        trajectory: the path ahead; None leaves it to the network.
        gesture: where in a gesture it is.
        seed: chooses among the motions that fit; None for the character's number.
        steps: network evaluations a window; None for the server's choice.
        min_steps: what a loaded server may go down to; None for no fewer than ``steps``.
        content_guidance: guidance weight of the content; None for the model's own.
        scene: where it is: a preset's name or a `Scene`; None for nowhere in particular.
    """

    content: Content = "idle"
    style: Style = None
    trajectory: Sequence[TrajectorySample] | None = None
    gesture: Gesture | None = None
    seed: int | None = None
    steps: int | None = None
    min_steps: int | None = None
    content_guidance: float | None = None
    scene: Scene | str | None = None


def controls_message(controls: Controls) -> pb.Controls:
    """The contract's message."""
    return pb.Controls(
        content=content_message(controls.content, controls.gesture),
        style=style_message(controls.style),
        trajectory=None if controls.trajectory is None else trajectory_message(controls.trajectory),
        seed=controls.seed,
        steps=controls.steps,
        min_steps=controls.min_steps,
        content_guidance=controls.content_guidance,
        scene=scene_message(controls.scene),
    )


def scene_message(scene: Scene | str | None) -> pb.SceneControl | None:
    """The contract's message; None for nowhere in particular.

    Raises:
        ValueError: a scene in several forms, or a quantity that is none.
    """
    if scene is None:
        return None
    if isinstance(scene, str):
        scene = Scene(preset=scene)
    forms = [bool(scene.preset), bool(scene.text), bool(scene.quantities), scene.vector is not None]
    if sum(forms) > 1:
        raise ValueError("scene: is given in several forms; allowed: one of preset, text, quantities, vector")
    message = pb.SceneControl(alpha=scene.alpha)
    if scene.preset:
        message.preset = scene.preset
    elif scene.text:
        message.text = scene.text
    elif scene.vector is not None:
        message.vector.values.extend(np.ravel(scene.vector).tolist())
    elif scene.quantities:
        _set_quantities(message.scene_descriptor, scene.quantities)
    return message


def scene_of_message(message: pb.SceneControl) -> Scene:
    """The scene of a message; its geometry is left out."""
    kind = message.WhichOneof("scene")
    quantities = {part.name: value for part, value in message.scene_descriptor.ListFields() if isinstance(value, float)}
    if message.scene_descriptor.HasField("wind"):
        wind = message.scene_descriptor.wind
        quantities |= {"wind_x": wind.x, "wind_y": wind.y, "wind_z": wind.z}
    return Scene(
        preset=message.preset,
        text=message.text,
        quantities=quantities,
        vector=np.array(message.vector.values, np.float32).reshape(5, -1) if kind == "vector" else None,
        alpha=message.alpha if message.HasField("alpha") else None,
    )


def _set_quantities(message: pb.SceneDescriptor, quantities: Mapping[str, float]) -> None:
    known = [part.name for part in message.DESCRIPTOR.fields if part.name != "wind"]
    for name, value in quantities.items():
        if name in ("wind_x", "wind_y", "wind_z"):
            setattr(message.wind, name[-1], value)
        elif name in known:
            setattr(message, name, value)
        else:
            raise ValueError(
                f"scene.quantities: has {name!r}; allowed: {', '.join([*known, 'wind_x', 'wind_y', 'wind_z'])}"
            )


def style_message(style: Style) -> pb.StyleMix | None:
    """The contract's message; None for the neutral style.

    Raises:
        ValueError: a part is unknown, or a priority is of no component.
    """
    if style is None:
        return None
    if isinstance(style, str):
        style = StyleMix({style: 1.0})
    elif isinstance(style, np.ndarray):
        style = StyleMix(vectors=[(style, 1.0)])
    elif isinstance(style, Mapping):
        style = StyleMix(style)
    return pb.StyleMix(
        components=[
            *_components(style.components, style.priorities),
            *(
                pb.StyleComponent(vector=pb.StyleVector(values=np.ravel(vector).tolist()), weight=weight)
                for vector, weight in style.vectors
            ),
        ],
        strength=style.strength,
        parts=[
            pb.PartStyle(part=body_part(name), components=_components(part.components), strength=part.strength)
            for name, part in style.parts.items()
        ],
        dimensions=[pb.StyleDimension(name=name, value=value) for name, value in style.dimensions.items()],
    )


def body_part(name: str) -> skeleton_pb2.BodyPart.ValueType:
    """The contract's number of a body part.

    Raises:
        ValueError: there is no such part.
    """
    names = {key.removeprefix("BODY_PART_").lower(): value for key, value in skeleton_pb2.BodyPart.items() if value}
    if name not in names:
        raise ValueError(f"part: is {name!r}, it must be one of {', '.join(names)}")
    return names[name]


def content_message(content: Content, gesture: Gesture | None) -> pb.Content:
    """The contract's message."""
    marks = None
    if gesture is not None:
        marks = pb.Gesture(phase=gesture.phase, duration=gesture.duration, hold=gesture.hold)
    if isinstance(content, str):
        return pb.Content(label=content, gesture=marks)
    return pb.Content(code=pb.ContentCode(values=np.ravel(content).tolist()), gesture=marks)


def trajectory_message(samples: Sequence[TrajectorySample]) -> pb.Trajectory:
    """The contract's message."""
    return pb.Trajectory(
        samples=[
            pb.TrajectorySample(
                position=None if s.position is None else geometry_pb2.GroundPoint(x=s.position[0], z=s.position[1]),
                facing=s.facing,
                speed=s.speed,
                time=s.time,
            )
            for s in samples
        ]
    )


def _components(weights: Mapping[str, float], priorities: Mapping[str, int] | None = None) -> list[pb.StyleComponent]:
    given = priorities or {}
    unknown = [name for name in given if name not in weights]
    if unknown:
        raise ValueError(f"priorities: name {', '.join(unknown)}, must be among the components {', '.join(weights)}")
    return [
        pb.StyleComponent(name=name, weight=weight, priority=given.get(name, 0)) for name, weight in weights.items()
    ]
