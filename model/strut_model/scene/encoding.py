"""The scene encoder: from a place's descriptor to the code that the student is conditioned on, with numpy alone.

The encoder is a few layers that come with the bundle: ``z = f(v) - f(0)``, where v is `SceneDescriptor.vector` and f
linear layers with tanh between them. So the neutral place has the code zero, exactly, and how strongly a scene shows is
a factor on its code.

Where a scene quickens the steps the code is made longer by `Bundle.scene_quickening` times the logarithm of its factor
on the cadence: a network that sees the old cadence in its history comes half of the way by the code alone.
"""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import numpy.typing as npt

from strut_model.bundle import Bundle, Float
from strut_model.scene.descriptor import QUANTITIES, SIZE, SceneDescriptor, SceneError
from strut_model.scene.effects import effects_of
from strut_model.skeleton import PARTS

ANGLES = 256
"""Directions to a turn that the wind is rounded to."""
CACHED = 2048
"""Codes that are remembered."""
_NAMES = [quantity.name for quantity in QUANTITIES]
_WIND = [_NAMES.index("wind_x"), _NAMES.index("wind_z")]


class SceneEncoder:
    """Encodes scenes for a bundle's student. What it remembers is shared by threads, and the same either way.

    Args:
        bundle: whose student knows scenes.

    Raises:
        SceneError: its student knows none.
    """

    def __init__(self, bundle: Bundle) -> None:
        if bundle.manifest.scene_dim is None:
            raise SceneError(
                f"bundle: {bundle.manifest.name} has a student that knows no scenes; allowed: one that does"
            )
        self.shape = (PARTS, bundle.manifest.scene_dim)
        self.closing = bundle.scene_closing
        self._layers = bundle.scene_layers
        self._quickening = bundle.scene_quickening
        self._neutral = self._forward(np.zeros(SIZE, np.float32))
        self._cache: OrderedDict[bytes, Float] = OrderedDict()

    def encode(self, scene: SceneDescriptor, heading: float = 0.0) -> Float:
        """(5, 64) the code of a scene for a character that faces ``heading`` (radians, in the space of the wind)."""
        return self.encode_vector(turned_wind(scene.vector(), -heading))

    def encode_vector(self, vector: npt.NDArray[np.floating]) -> Float:
        """(5, 64) the code of a descriptor's vector (SIZE,), its wind as the character meets it; not to be written to.

        Raises:
            SceneError: another shape.
        """
        array = np.asarray(vector, np.float32)
        if array.shape != (SIZE,):
            raise SceneError(f"vector: has the shape {array.shape}; allowed: ({SIZE},)")
        key = array.tobytes()
        code = self._cache.get(key)
        if code is None:
            code = np.asarray(self._forward(array) - self._neutral, np.float32).reshape(self.shape)
            if self._quickening:
                code *= np.float32(1 + self._quickening * quickened(array))
            code.flags.writeable = False
            self._cache[key] = code
            while len(self._cache) > CACHED:
                self._cache.popitem(last=False)
        return code

    def _forward(self, vector: Float) -> Float:
        # One scene at a time: products of a batch are rounded otherwise, and a code must not hang on its company.
        value = vector
        for number, (weight, bias) in enumerate(self._layers):
            value = np.asarray(value @ weight + bias, np.float32)
            if number < len(self._layers) - 1:
                value = np.tanh(value)
        return value


def quickened(vector: Float) -> float:
    """Logarithm of a scene's factor on the cadence where it is above 1, else 0; of a descriptor's vector (SIZE,)."""
    return max(0.0, float(np.log(effects_of(SceneDescriptor.from_vector(vector)).cadence)))


def turned_wind(vector: npt.NDArray[np.floating], angle: float) -> Float:
    """A descriptor's vector (SIZE,) with its wind turned by ``angle`` radians, rounded to `ANGLES` to a turn."""
    out = np.array(vector, np.float32)
    x, z = out[_WIND]
    if x or z:
        rounded = np.round(angle * ANGLES / (2 * np.pi)) * (2 * np.pi / ANGLES)
        cosine, sine = np.float32(np.cos(rounded)), np.float32(np.sin(rounded))
        out[_WIND] = cosine * x + sine * z, cosine * z - sine * x
    return out
