"""What a character offers in the synchronous and in the asyncio client alike: everything that needs no server."""

from __future__ import annotations

from dataclasses import replace

from strut_client.character import Anchor, CharacterState
from strut_client.controls import Content, Gesture, Scene, Style, TrajectorySample
from strut_client.server_info import ModelInfo
from strut_client.timeline import Placement
from strut_client.window import Window
from strut_model.motion import Motion


class CharacterHandle:
    """A character's controls and its place. Changes show from the next window on."""

    def __init__(self, state: CharacterState, model: ModelInfo) -> None:
        self._state = state
        self._model = model

    @property
    def number(self) -> int:
        """Its number in the stream, which is its seed where none is set."""
        return self._state.number

    @property
    def style(self) -> Style:
        """How it moves."""
        return self._state.controls.style

    @style.setter
    def style(self, style: Style) -> None:
        self._state.controls = replace(self._state.controls, style=style)

    @property
    def scene(self) -> Scene | str | None:
        """Where it is: a preset's name or a `Scene`; None for nowhere in particular."""
        return self._state.controls.scene

    @scene.setter
    def scene(self, scene: Scene | str | None) -> None:
        self._state.controls = replace(self._state.controls, scene=scene)

    @property
    def content(self) -> Content:
        """What it does. A new content begins without a gesture's marks."""
        return self._state.controls.content

    @content.setter
    def content(self, content: Content) -> None:
        self._state.controls = replace(self._state.controls, content=content, gesture=None)

    @property
    def gesture(self) -> Gesture | None:
        """Where in a gesture it is; None lets a gesture begin and go on by itself."""
        return self._state.controls.gesture

    @gesture.setter
    def gesture(self, gesture: Gesture | None) -> None:
        self._state.controls = replace(self._state.controls, gesture=gesture)

    @property
    def seed(self) -> int | None:
        """Chooses among the motions that fit."""
        return self._state.controls.seed

    @seed.setter
    def seed(self, seed: int | None) -> None:
        self._state.controls = replace(self._state.controls, seed=seed)

    @property
    def steps(self) -> int | None:
        """Network evaluations a window; None for the server's choice."""
        return self._state.controls.steps

    @steps.setter
    def steps(self, steps: int | None) -> None:
        self._state.controls = replace(self._state.controls, steps=steps)

    @property
    def min_steps(self) -> int | None:
        """What a loaded server may go down to; None for no fewer than `steps`."""
        return self._state.controls.min_steps

    @min_steps.setter
    def min_steps(self, min_steps: int | None) -> None:
        self._state.controls = replace(self._state.controls, min_steps=min_steps)

    @property
    def anchor(self) -> Anchor | None:
        """The space of its positions; None for the world itself."""
        return self._state.anchor

    @property
    def placement(self) -> Placement:
        """Where it stands before its next window."""
        return self._state.timeline.placement()

    @property
    def frame(self) -> int:
        """Number of the first frame of its next window."""
        return self._state.timeline.end_frame

    @property
    def history(self) -> Motion | None:
        """The frames that it holds, the last of them at `frame` - 1; None before its first window."""
        return self._state.timeline.held

    @property
    def window(self) -> Window | None:
        """Its newest window."""
        return self._state.timeline.window

    def teleport(self, position: tuple[float, float], heading: float) -> None:
        """Goes on elsewhere with the next window: pose and movement stay.

        Args:
            position: x and z, metres.
            heading: radians.
        """
        self._state.timeline.teleport(Placement(position, heading))

    def _seconds_of(self, content: str) -> float:
        """The usual length of a content.

        Raises:
            ValueError: the model does not have it.
        """
        for info in self._model.contents:
            if info.name == content:
                return info.mean_seconds
        names = ", ".join(info.name for info in self._model.contents)
        raise ValueError(f"content: is {content!r}, it must be one of {names}")

    def _staying(self) -> list[TrajectorySample]:
        """A path that stays where the character is."""
        here = self.placement
        last = (self._model.window_frames - 1) / self._model.fps
        return [TrajectorySample(here.position, here.heading, time=time) for time in (0.0, last)]


def going_on(gesture: Gesture | None) -> Gesture | None:
    """The marks of a gesture's further windows: a phase that is not held runs on by itself."""
    return gesture if gesture is None or gesture.hold else replace(gesture, phase=None)
