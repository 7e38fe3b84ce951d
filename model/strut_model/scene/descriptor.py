"""The scene descriptor: a place as physical and perceptual quantities with units and ranges.

The quantities, their units, ranges and defaults are those of ``SceneDescriptor`` in ``strut/v1/controls.proto``. A
descriptor whose quantities are all absent is a level, dry, roomy, mild place in daylight: the neutral scene.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.floating]

MAX_WIND = 60.0
"""Metres a second: the fastest wind."""


class SceneError(ValueError):
    """A quantity out of its range, or a name that is none; the message has field, value and what is allowed."""


@dataclass(frozen=True)
class Quantity:
    """One number of a descriptor.

    Attributes:
        name: of the field.
        unit: for people; empty where it has none.
        low, high: the range, both ends included.
        default: what an absent quantity is read as.
        scale: change that the code of `SceneDescriptor.vector` counts as 1.
        logarithmic: whether differences are ratios: from 1 m of visibility to 2 m is as far as from 100 to 200.
        meaning: in words.
    """

    name: str
    unit: str
    low: float
    high: float
    default: float
    scale: float
    meaning: str
    logarithmic: bool = False

    def check(self, value: float) -> None:
        """SceneError when ``value`` is not a number of the range."""
        if not self.low <= value <= self.high:  # False for NaN
            unit = f" {self.unit}" if self.unit else ""
            raise SceneError(f"{self.name}: is {value:g}; allowed: {self.low:g} to {self.high:g}{unit}")

    def encode(self, value: float) -> float:
        """The code of a value: 0 at the default, linear (or logarithmic) in it."""
        if self.logarithmic:
            return float(np.log((value + _FLOOR) / (self.default + _FLOOR)) / np.log(self.scale))
        return (value - self.default) / self.scale

    def decode(self, code: float) -> float:
        """The value of a code, brought into the range."""
        if self.logarithmic:
            value = (self.default + _FLOOR) * self.scale**code - _FLOOR
        else:
            value = self.default + self.scale * code
        return float(np.clip(value, self.low, self.high))


_FLOOR = 0.1  # metres: keeps the logarithm of a visibility of 0 finite

QUANTITIES: tuple[Quantity, ...] = (
    Quantity("slope", "radians", -0.8, 0.8, 0.0, 0.4, "incline along the direction of travel, uphill positive"),
    Quantity("friction", "", 0.0, 1.5, 0.8, 0.8, "coefficient of friction of the ground"),
    Quantity("compliance", "millimetres per kilonewton", 0.0, 200.0, 0.0, 50.0, "how far the ground gives under load"),
    Quantity("sink_depth", "metres", 0.0, 0.6, 0.0, 0.2, "how deep a foot sinks"),
    Quantity("roughness", "metres", 0.0, 0.3, 0.0, 0.1, "standard deviation of the ground's height within a step"),
    Quantity("water_depth", "metres", 0.0, 1.5, 0.0, 0.5, "depth of water above the ground"),
    Quantity("snow_depth", "metres", 0.0, 1.5, 0.0, 0.5, "depth of snow above the ground"),
    Quantity("clearance", "metres", 0.5, 100.0, 100.0, 100.0, "free height above the ground", True),
    Quantity("footing_width", "metres", 0.05, 100.0, 100.0, 100.0, "width of the ground that can be stepped on", True),
    Quantity("wind_x", "metres a second", -MAX_WIND, MAX_WIND, 0.0, 20.0, "wind towards +X of the window's space"),
    Quantity("wind_y", "metres a second", -MAX_WIND, MAX_WIND, 0.0, 20.0, "wind upwards"),
    Quantity("wind_z", "metres a second", -MAX_WIND, MAX_WIND, 0.0, 20.0, "wind towards +Z of the window's space"),
    Quantity("precipitation", "millimetres an hour", 0.0, 200.0, 0.0, 20.0, "rain, or snow below freezing"),
    Quantity("visibility", "metres", 0.0, 10_000.0, 10_000.0, 1e4, "how far one can see", True),
    Quantity("temperature", "degrees Celsius", -60.0, 60.0, 20.0, 20.0, "of the air"),
    Quantity("ground_temperature", "degrees Celsius", -60.0, 120.0, 20.0, 40.0, "of the ground's surface"),
    Quantity("crowding", "persons per square metre", 0.0, 6.0, 0.0, 2.0, "density of people around"),
    Quantity("platform_tilt", "radians", 0.0, 0.5, 0.0, 0.2, "amplitude of the ground's own rolling"),
    Quantity("platform_period", "seconds", 0.5, 60.0, 8.0, 4.0, "period of the ground's own rolling", True),
    Quantity("step_height", "metres", 0.0, 0.4, 0.0, 0.2, "rise of the steps of stairs, up or down as the slope says"),
)
"""The quantities in the order of `SceneDescriptor.vector`; new ones are only ever added at the end."""

SIZE = len(QUANTITIES)
"""Length of `SceneDescriptor.vector`."""
_BY_NAME: dict[str, Quantity] = {quantity.name: quantity for quantity in QUANTITIES}


def quantity(name: str) -> Quantity:
    """The quantity of a name.

    Raises:
        SceneError: there is none.
    """
    try:
        return _BY_NAME[name]
    except KeyError:
        raise SceneError(f"quantity: is {name!r}; allowed: {', '.join(_BY_NAME)}") from None


@dataclass(frozen=True)
class SceneDescriptor:
    """A place. Units and ranges are those of `QUANTITIES`; None is absent and read as the default.

    Two defaults follow from another quantity: an absent ground temperature is that of the air. The wind is a velocity
    in the window's space, whose +Z is where the character starts to face.

    Raises:
        SceneError: a quantity is out of its range.
    """

    slope: float | None = None
    friction: float | None = None
    compliance: float | None = None
    sink_depth: float | None = None
    roughness: float | None = None
    water_depth: float | None = None
    snow_depth: float | None = None
    clearance: float | None = None
    footing_width: float | None = None
    wind_x: float | None = None
    wind_y: float | None = None
    wind_z: float | None = None
    precipitation: float | None = None
    visibility: float | None = None
    temperature: float | None = None
    ground_temperature: float | None = None
    crowding: float | None = None
    platform_tilt: float | None = None
    platform_period: float | None = None
    step_height: float | None = None

    def __post_init__(self) -> None:
        for name, value in self.given().items():
            _BY_NAME[name].check(value)
        wind = float(np.linalg.norm(self.wind))
        if wind > MAX_WIND * (1 + 1e-6):
            raise SceneError(f"wind: is {wind:g} long; allowed: 0 to {MAX_WIND:g} metres a second")

    @staticmethod
    def of(values: Mapping[str, float]) -> SceneDescriptor:
        """The descriptor with some quantities given by name.

        Raises:
            SceneError: a name is none, or a value is no number or out of range.
        """
        for name, value in values.items():
            known = quantity(name)
            if isinstance(value, bool) or not isinstance(value, int | float | np.floating):
                raise SceneError(f"{name}: is {value!r}; allowed: a number from {known.low:g} to {known.high:g}")
        return SceneDescriptor(**{name: float(value) for name, value in values.items()})

    @staticmethod
    def from_vector(codes: ArrayLike) -> SceneDescriptor:
        """The descriptor of a vector, all quantities given; codes beyond a range are brought to its end.

        Args:
            codes: (SIZE,) as `vector` gives them.

        Raises:
            SceneError: another shape, or a code that is not finite.
        """
        array = np.asarray(codes, dtype=np.float64)
        if array.shape != (SIZE,):
            raise SceneError(f"vector: has the shape {array.shape}; allowed: ({SIZE},)")
        if not np.isfinite(array).all():
            raise SceneError(f"vector: holds {array[~np.isfinite(array)][0]}; allowed: finite numbers")
        values = {q.name: q.decode(float(code)) for q, code in zip(QUANTITIES, array, strict=True)}
        ground = _BY_NAME["ground_temperature"]
        code = float(array[QUANTITIES.index(ground)])
        values["ground_temperature"] = float(
            np.clip(values["temperature"] + ground.scale * code, ground.low, ground.high)
        )
        length = float(np.linalg.norm([values[name] for name in _WIND]))
        if length > MAX_WIND:
            values |= {name: values[name] * MAX_WIND / length for name in _WIND}
        return SceneDescriptor(**values)

    def given(self) -> dict[str, float]:
        """The quantities that are not absent, by name."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) is not None}

    def __getitem__(self, name: str) -> float:
        """A quantity's value, with its default where it is absent."""
        value = getattr(self, quantity(name).name)
        if value is not None:
            return float(value)
        return self["temperature"] if name == "ground_temperature" else _BY_NAME[name].default

    @property
    def wind(self) -> Array:
        """(3,) metres a second, the wind's velocity in the window's space."""
        return np.array([self[name] for name in _WIND])

    def vector(self) -> Array:
        """(SIZE,) float32 codes in the order of `QUANTITIES`: 0 for the default, about 1 for what is much.

        Depths, angles and forces are scaled, distances taken by their logarithm; the ground's temperature counts from
        that of the air, so that the neutral scene is the zero vector.
        """
        codes = [q.encode(self[q.name]) for q in QUANTITIES]
        ground = _BY_NAME["ground_temperature"]
        codes[QUANTITIES.index(ground)] = (self["ground_temperature"] - self["temperature"]) / ground.scale
        return np.array(codes, dtype=np.float32)


_WIND = ("wind_x", "wind_y", "wind_z")
NEUTRAL = SceneDescriptor()
"""A level, dry, roomy, mild place in daylight."""


def blend(start: SceneDescriptor, end: SceneDescriptor, alpha: float) -> SceneDescriptor:
    """From one scene to another: ``start`` itself at alpha 0, ``end`` itself at 1.

    Distances change by ratios (see `Quantity.logarithmic`), all else by differences. What is absent in both stays so.

    Args:
        start, end: scenes.
        alpha: 0 to 1.

    Raises:
        SceneError: alpha is out of range.
    """
    if not 0 <= alpha <= 1:
        raise SceneError(f"alpha: is {alpha:g}; allowed: 0 to 1")
    if alpha in (0, 1):
        return end if alpha else start
    mixed = {}
    for q in QUANTITIES:
        if getattr(start, q.name) is None and getattr(end, q.name) is None:
            continue
        a, b = q.encode(start[q.name]), q.encode(end[q.name])
        mixed[q.name] = q.decode(a + (b - a) * alpha)
    return SceneDescriptor(**mixed)
