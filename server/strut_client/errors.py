"""Typed errors of the client, made from `google.rpc.Status`; docs/contract.md lists the codes and reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import grpc
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status


@dataclass(frozen=True)
class FieldViolation:
    """One field of a request that the server refused.

    Attributes:
        field: its path from the request on, such as controls.style.components[0].name.
        description: its value and the allowed range.
    """

    field: str
    description: str


class StrutError(Exception):
    """Something that the server refused or could not do.

    Attributes:
        code: gRPC's status code.
        reason: the stable reason of docs/contract.md, such as INVALID_FIELD; empty where there is none.
        message: what happened, for people.
        violations: the fields that were refused.
        metadata: the reason's particulars, such as the capability that is missing.
        retry_seconds: after how many seconds trying again helps; None where that is not said.
    """

    CODES: ClassVar[tuple[grpc.StatusCode, ...]] = ()

    def __init__(
        self,
        code: grpc.StatusCode,
        message: str,
        reason: str = "",
        violations: tuple[FieldViolation, ...] = (),
        metadata: Mapping[str, str] | None = None,
        retry_seconds: float | None = None,
    ) -> None:
        super().__init__(f"{code.name}{f' ({reason})' if reason else ''}: {message}")
        self.code = code
        self.reason = reason
        self.message = message
        self.violations = violations
        self.metadata = dict(metadata or {})
        self.retry_seconds = retry_seconds


class InvalidRequestError(StrutError):
    """A field of the request is missing, out of range, or contradicts another: see `violations`."""

    CODES = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.OUT_OF_RANGE)


class PreconditionError(StrutError):
    """The request does not fit what is there, such as a window that is not remembered or a name that is taken."""

    CODES = (grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.ALREADY_EXISTS)


class UnsupportedError(StrutError):
    """The server does not have the capability that a field or call needs."""

    CODES = (grpc.StatusCode.UNIMPLEMENTED,)


class NotFoundError(StrutError):
    """What was asked for by name is not there."""

    CODES = (grpc.StatusCode.NOT_FOUND,)


class BusyError(StrutError):
    """The server is full, or a limit was reached."""

    CODES = (grpc.StatusCode.RESOURCE_EXHAUSTED,)


class LateError(StrutError):
    """The deadline passed before the window was made."""

    CODES = (grpc.StatusCode.DEADLINE_EXCEEDED,)


class SupersededError(StrutError):
    """A newer request of the character took this one's place."""

    CODES = (grpc.StatusCode.ABORTED,)


class ReleasedError(StrutError):
    """The character was released, or the call cancelled."""

    CODES = (grpc.StatusCode.CANCELLED,)


class UnavailableError(StrutError):
    """The server cannot be reached, or is about to go."""

    CODES = (grpc.StatusCode.UNAVAILABLE,)


class AccessError(StrutError):
    """The client may not do this, or has not said who it is."""

    CODES = (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED)


class ServerError(StrutError):
    """A fault of the server, or a status that is none of the others."""

    CODES = (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS)


_BY_CODE: dict[grpc.StatusCode, type[StrutError]] = {
    code: kind
    for kind in (
        InvalidRequestError,
        PreconditionError,
        UnsupportedError,
        NotFoundError,
        BusyError,
        LateError,
        SupersededError,
        ReleasedError,
        UnavailableError,
        AccessError,
        ServerError,
    )
    for code in kind.CODES
}
_CODES: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}


def error_of_status(status: status_pb2.Status) -> StrutError:
    """The typed error of a status that is not OK."""
    code = _CODES.get(status.code, grpc.StatusCode.UNKNOWN)
    reason, metadata, retry = "", {}, None
    violations: list[FieldViolation] = []
    for detail in status.details:
        info, bad, wait = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
        if detail.Unpack(info):
            reason, metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(bad):
            violations += [FieldViolation(v.field, v.description) for v in bad.field_violations]
        elif detail.Unpack(wait):
            retry = wait.retry_delay.ToNanoseconds() / 1e9
    kind = _BY_CODE.get(code, ServerError)
    return kind(code, status.message, reason, tuple(violations), metadata, retry)


def error_of_call(error: grpc.RpcError) -> StrutError:
    """The typed error of a failed call, from its rich status where the server sent one."""
    # Failed calls of both stacks answer these, which the type of their common base class does not say.
    call = cast(Any, error)
    ended = _Ended(call.code(), call.details() or "", tuple(call.trailing_metadata() or ()))
    status = rpc_status.from_call(cast(grpc.Call, ended))
    if status is None:
        message = ended.details() or "the call failed without a message"
        status = status_pb2.Status(code=ended.code().value[0], message=message)
    return error_of_status(status)


@dataclass(frozen=True)
class _Ended:
    """An ended call as grpc_status reads it."""

    _code: grpc.StatusCode
    _details: str
    _metadata: tuple[tuple[str, str | bytes], ...]

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details

    def trailing_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        return self._metadata
