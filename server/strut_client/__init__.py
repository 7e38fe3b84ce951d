"""Python client of a Strut server: characters that walk, run and gesture, window by window.

`Client` is synchronous, `AsyncClient` its asyncio twin. docs/client.md shows what they can do.
"""

from strut_client.aio import AsyncCharacter, AsyncClient
from strut_client.character import Anchor, Plan
from strut_client.client import Character, Client
from strut_client.controls import Controls, Gesture, PartStyle, Scene, StyleMix, TrajectorySample
from strut_client.errors import (
    AccessError,
    BusyError,
    FieldViolation,
    InvalidRequestError,
    LateError,
    NotFoundError,
    PreconditionError,
    ReleasedError,
    ServerError,
    StrutError,
    SupersededError,
    UnavailableError,
    UnsupportedError,
)
from strut_client.query import WindowQuery
from strut_client.server_info import ContentInfo, Limits, ModelInfo, ServerInfo
from strut_client.stream import ClientSettings, ControlsOverridden, Draining, ModelChanged
from strut_client.style_making import Preset
from strut_client.styles import StyleInfo
from strut_client.timeline import Placement
from strut_client.window import Timing, Window, WindowWarning
from strut_model.frames import FrameEncoding
from strut_model.motion import Motion

__all__ = [
    "AccessError",
    "Anchor",
    "AsyncCharacter",
    "AsyncClient",
    "BusyError",
    "Character",
    "Client",
    "ClientSettings",
    "ContentInfo",
    "Controls",
    "ControlsOverridden",
    "Draining",
    "FieldViolation",
    "FrameEncoding",
    "Gesture",
    "InvalidRequestError",
    "LateError",
    "Limits",
    "ModelChanged",
    "ModelInfo",
    "Motion",
    "NotFoundError",
    "PartStyle",
    "Placement",
    "Plan",
    "PreconditionError",
    "Preset",
    "ReleasedError",
    "Scene",
    "ServerError",
    "ServerInfo",
    "StrutError",
    "StyleInfo",
    "StyleMix",
    "SupersededError",
    "Timing",
    "TrajectorySample",
    "UnavailableError",
    "UnsupportedError",
    "Window",
    "WindowQuery",
    "WindowWarning",
]
