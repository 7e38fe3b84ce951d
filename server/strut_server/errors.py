"""Errors as the contract wants them: a `google.rpc.Status` with details, made in one place.

A refused request is a `RequestError` until it reaches the edge of the server, where `to_status` turns it into the
message of a reply, or `abort` into the status of a call. docs/contract.md lists the codes and reasons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

DOMAIN = "strut"
VALUE_CHARACTERS = 60
"""A value is quoted in a message up to this length: whoever sends a megabyte is not sent it back."""


@dataclass(frozen=True)
class Violation:
    """One invalid field.

    Attributes:
        field: path from the request on, such as ``controls.style.components[0].name``.
        value: what it holds, for people.
        allowed: what it may hold, for people.
    """

    field: str
    value: str
    allowed: str

    @property
    def description(self) -> str:
        """One line with the value and the allowed range."""
        return f"{self.value}; allowed: {self.allowed}"

    def under(self, prefix: str) -> Violation:
        """The same violation with its path starting from ``prefix``."""
        return Violation(f"{prefix}.{self.field}", self.value, self.allowed)


class RequestError(Exception):
    """A request that is not answered with motion.

    Args:
        code: a number of `google.rpc.code_pb2`.
        reason: the stable reason of the ErrorInfo, upper case with underscores.
        message: one sentence for people.
        violations: the invalid fields, for INVALID_ARGUMENT.
        metadata: further facts of the ErrorInfo.
        retry_seconds: after how long trying again helps; None where it does not.
    """

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        violations: Sequence[Violation] = (),
        metadata: Mapping[str, str] | None = None,
        retry_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.violations = tuple(violations)
        self.metadata = dict(metadata or {})
        self.retry_seconds = retry_seconds

    def to_status(self) -> status_pb2.Status:
        """The error as the contract's message."""
        details: list[error_details_pb2.BadRequest | error_details_pb2.ErrorInfo | error_details_pb2.RetryInfo] = [
            error_details_pb2.ErrorInfo(reason=self.reason, domain=DOMAIN, metadata=self.metadata)
        ]
        if self.violations:
            bad = error_details_pb2.BadRequest()
            for violation in self.violations:
                bad.field_violations.add(field=violation.field, description=violation.description)
            details.append(bad)
        if self.retry_seconds is not None:
            retry = error_details_pb2.RetryInfo()
            retry.retry_delay.FromNanoseconds(round(self.retry_seconds * 1e9))
            details.append(retry)
        status = status_pb2.Status(code=self.code, message=self.message)
        for detail in details:
            packed = any_pb2.Any()
            packed.Pack(detail)
            status.details.append(packed)
        return status


class AbortableContext(Protocol):
    """A call's context, as far as ending it goes."""

    async def abort(self, code: Any, details: str = ..., trailing_metadata: Any = ...) -> NoReturn:
        """See `grpc.aio.ServicerContext.abort`."""
        ...


async def abort(context: AbortableContext, error: RequestError) -> NoReturn:
    """End a call with the error as its status and details."""
    status = rpc_status.to_status(error.to_status())
    await context.abort(status.code, status.details, status.trailing_metadata)
    raise AssertionError("a call goes on after its abort")


def quoted(value: object) -> str:
    """A value for a message: its text, cut where it is long."""
    text = value if isinstance(value, str) else repr(value)
    if len(text) > VALUE_CHARACTERS:
        text = text[:VALUE_CHARACTERS] + "..."
    return f"'{text}'" if isinstance(value, str) else text


def invalid(violations: Sequence[Violation]) -> RequestError:
    """INVALID_ARGUMENT for one or more fields."""
    first = violations[0]
    more = f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
    return RequestError(
        code_pb2.INVALID_ARGUMENT, "INVALID_FIELD", f"{first.field}: {first.description}{more}", violations
    )


def malformed(detail: str) -> RequestError:
    """INVALID_ARGUMENT for bytes that are no message of the contract; it ends a stream."""
    return RequestError(code_pb2.INVALID_ARGUMENT, "INVALID_FIELD", f"the message cannot be parsed: {detail}")


def capability_missing(capability: str, field: str) -> RequestError:
    """UNIMPLEMENTED for a field or call that is part of the contract and not of this server.

    Args:
        capability: the name of the contract's Capability.
        field: the field's path, or the call's name.
    """
    return RequestError(
        code_pb2.UNIMPLEMENTED,
        "CAPABILITY_MISSING",
        f"{field} needs {capability}, which this server does not have",
        metadata={"capability": capability, "field": field},
    )


def not_found(reason: str, message: str) -> RequestError:
    """NOT_FOUND for a call that names something that is not there."""
    return RequestError(code_pb2.NOT_FOUND, reason, message)


def superseded(by_sequence: int) -> RequestError:
    """ABORTED for a request that a newer one of its character overtook in the queue."""
    return RequestError(
        code_pb2.ABORTED,
        "SUPERSEDED",
        f"the newer request {by_sequence} of this character took its place",
        metadata={"by_sequence": str(by_sequence)},
    )


def released() -> RequestError:
    """CANCELLED for a request whose character was released."""
    return RequestError(code_pb2.CANCELLED, "RELEASED", "the character was released")


def deadline_exceeded(late_ms: float) -> RequestError:
    """DEADLINE_EXCEEDED for a request that was not evaluated because it was late already."""
    return RequestError(
        code_pb2.DEADLINE_EXCEEDED, "DEADLINE", f"the deadline had passed {late_ms:.1f} ms before the evaluation"
    )


def queue_full(capacity: int, retry_seconds: float) -> RequestError:
    """RESOURCE_EXHAUSTED for a request that found no place in the queue."""
    return RequestError(
        code_pb2.RESOURCE_EXHAUSTED,
        "QUEUE_FULL",
        f"{capacity} requests wait already, which is all that the queue holds",
        retry_seconds=retry_seconds,
    )


def too_many_characters(limit: int) -> RequestError:
    """RESOURCE_EXHAUSTED for a new character on a stream that has as many as it may."""
    return RequestError(
        code_pb2.RESOURCE_EXHAUSTED,
        "TOO_MANY_CHARACTERS",
        f"the stream has {limit} characters already; release some, or open another stream",
        metadata={"max_characters": str(limit)},
    )


def batch_too_large(count: int, limit: int) -> RequestError:
    """RESOURCE_EXHAUSTED for a message with more requests than allowed."""
    return RequestError(
        code_pb2.RESOURCE_EXHAUSTED,
        "BATCH_TOO_LARGE",
        f"the message has {count} requests; allowed: 1 to {limit}",
        metadata={"max_batch": str(limit)},
    )


def too_many_watchers(limit: int) -> RequestError:
    """RESOURCE_EXHAUSTED for a stream of statistics when as many are open as may be."""
    return RequestError(
        code_pb2.RESOURCE_EXHAUSTED,
        "TOO_MANY_WATCHERS",
        f"{limit} streams of statistics are open already",
        metadata={"max_watchers": str(limit)},
    )


def sequence_unknown(sequence: int, why: str) -> RequestError:
    """FAILED_PRECONDITION for a window that the server cannot go on from without its history."""
    return RequestError(
        code_pb2.FAILED_PRECONDITION,
        "SEQUENCE_UNKNOWN",
        f"window {sequence} cannot be continued: {why}; send the history",
        metadata={"sequence": str(sequence)},
    )


def replan_too_soon(start_frame: int, earliest: int) -> RequestError:
    """FAILED_PRECONDITION for a re-plan that starts too near to the start of the window it replaces."""
    return RequestError(
        code_pb2.FAILED_PRECONDITION,
        "REPLAN_TOO_SOON",
        f"timeline.start_frame is {start_frame}; the continued window can be re-planned from frame {earliest} on",
        metadata={"earliest_start_frame": str(earliest)},
    )


def hello_expected(message: str) -> RequestError:
    """FAILED_PRECONDITION for a stream that does not keep to the order of its messages."""
    return RequestError(code_pb2.FAILED_PRECONDITION, "HELLO_EXPECTED", message)


def protocol_version(given: int, supported: int) -> RequestError:
    """FAILED_PRECONDITION for a client of another version of the contract."""
    return RequestError(
        code_pb2.FAILED_PRECONDITION,
        "PROTOCOL_VERSION",
        f"the client speaks version {given} of the contract; this server speaks version {supported}",
        metadata={"supported": str(supported)},
    )


def draining(retry_seconds: float) -> RequestError:
    """UNAVAILABLE for new work at a server that is about to go."""
    return RequestError(
        code_pb2.UNAVAILABLE,
        "DRAINING",
        "the server is about to go and takes no new work; connect anew",
        retry_seconds=retry_seconds,
    )


def internal(incident: str) -> RequestError:
    """INTERNAL for a fault of the server; the log has the rest under the incident's number."""
    return RequestError(
        code_pb2.INTERNAL,
        "INTERNAL",
        f"the server failed; its log has the details under incident {incident}",
        metadata={"incident": incident},
    )


def unauthenticated(why: str) -> RequestError:
    """UNAUTHENTICATED for a call by nobody that the server knows."""
    return RequestError(code_pb2.UNAUTHENTICATED, "UNAUTHENTICATED", why)


def role_missing(caller: str, role: str) -> RequestError:
    """PERMISSION_DENIED for a call that needs a higher role than its caller has."""
    return RequestError(
        code_pb2.PERMISSION_DENIED,
        "ROLE_MISSING",
        f"the call needs the role {role}, which {quoted(caller)} does not have",
        metadata={"role": role},
    )


def rate_limited(calls_per_second: float) -> RequestError:
    """RESOURCE_EXHAUSTED for a caller that makes more calls than it may."""
    return RequestError(
        code_pb2.RESOURCE_EXHAUSTED,
        "RATE_LIMITED",
        f"more than {calls_per_second:g} calls a second came from this caller",
        metadata={"max_calls_per_second": f"{calls_per_second:g}"},
        retry_seconds=max(1.0 / calls_per_second, 0.05),
    )


def too_many_streams(limit: int) -> RequestError:
    """RESOURCE_EXHAUSTED for a caller that has as many streams open as it may."""
    return RequestError(
        code_pb2.RESOURCE_EXHAUSTED,
        "TOO_MANY_STREAMS",
        f"{limit} streams of this caller are open already; one stream carries many characters",
        metadata={"max_streams": str(limit)},
    )


def silent(seconds: float) -> RequestError:
    """DEADLINE_EXCEEDED for a call whose next message does not come."""
    return RequestError(code_pb2.DEADLINE_EXCEEDED, "SILENT", f"no message came within {seconds:g} s")


def not_read(seconds: float) -> RequestError:
    """RESOURCE_EXHAUSTED for a stream whose client does not read what it asked for."""
    return RequestError(
        code_pb2.RESOURCE_EXHAUSTED,
        "NOT_READ",
        f"replies have waited for {seconds:g} s without being read; read a stream's replies as they come",
        metadata={"unread_seconds": f"{seconds:g}"},
    )


def unavailable(why: str, retry_seconds: float = 1.0) -> RequestError:
    """UNAVAILABLE for what another try may find: a database that does not answer, a server that is gone."""
    return RequestError(code_pb2.UNAVAILABLE, "UNAVAILABLE", why, retry_seconds=retry_seconds)


def already_exists(reason: str, message: str) -> RequestError:
    """ALREADY_EXISTS for something new whose name is taken."""
    return RequestError(code_pb2.ALREADY_EXISTS, reason, message)


def limit_reached(reason: str, message: str, retry_seconds: float | None = None) -> RequestError:
    """RESOURCE_EXHAUSTED for something that there are as many of as may be."""
    return RequestError(code_pb2.RESOURCE_EXHAUSTED, reason, message, retry_seconds=retry_seconds)


def style_of_model(name: str) -> RequestError:
    """FAILED_PRECONDITION for a change of a style that came with the model."""
    return RequestError(
        code_pb2.FAILED_PRECONDITION, "STYLE_OF_MODEL", f"{quoted(name)} came with the model and stays as it is"
    )


def style_source_missing(source: str, available: Sequence[str]) -> RequestError:
    """UNIMPLEMENTED for a source that styles cannot be made of here."""
    return RequestError(
        code_pb2.UNIMPLEMENTED,
        "STYLE_SOURCE_MISSING",
        f"header.source: styles cannot be made of {source} here; available: {', '.join(available)}",
        metadata={"source": source, "available": ",".join(available)},
    )


def unreadable_file(message: str) -> RequestError:
    """INVALID_ARGUMENT for an uploaded file that cannot be read, in the operation that tried to."""
    return RequestError(code_pb2.INVALID_ARGUMENT, "UNREADABLE_FILE", message)
