"""A designer's hand on streaming characters: parts of their controls, replaced for a while."""

from __future__ import annotations

from dataclasses import dataclass, replace

from strut_proto.v1 import controls_pb2, motion_service_pb2
from strut_server.clock import MILLISECOND, monotonic_ns
from strut_server.requests import ValidRequest

PARTS = ("content", "style", "scene")


@dataclass(frozen=True)
class Override:
    """What is replaced, and until when.

    Attributes:
        controls: the parts that are replaced.
        ends_ns: stamp of its end; None until it is lifted.
    """

    controls: motion_service_pb2.ControlsOverride
    ends_ns: int | None = None

    @staticmethod
    def of(request: motion_service_pb2.OverrideControlsRequest) -> Override | None:
        """What a call asks for; None where it lifts the override."""
        if not any(request.controls.HasField(part) for part in PARTS):  # type: ignore[arg-type]
            return None
        ends = monotonic_ns() + request.hold_ms * MILLISECOND if request.HasField("hold_ms") else None
        return Override(request.controls, ends)

    @property
    def over(self) -> bool:
        """Whether its time is up."""
        return self.ends_ns is not None and monotonic_ns() >= self.ends_ns

    def applied(self, controls: controls_pb2.Controls) -> controls_pb2.Controls:
        """A game's controls with the parts replaced."""
        merged = controls_pb2.Controls()
        merged.CopyFrom(controls)
        for part in PARTS:
            if self.controls.HasField(part):  # type: ignore[arg-type]
                getattr(merged, part).CopyFrom(getattr(self.controls, part))
        return merged

    def noted(self, request: ValidRequest) -> ValidRequest:
        """A request that it was applied to, with a warning that says so."""
        replaced = [part for part in PARTS if self.controls.HasField(part)]  # type: ignore[arg-type]
        warning = motion_service_pb2.Warning(
            code=motion_service_pb2.WARNING_CODE_CONTROLS_OVERRIDDEN,
            field="controls",
            message=f"a designer has replaced {' and '.join(replaced)}",
        )
        return replace(request, warnings=(*request.warnings, warning))
