"""Statuses become typed errors."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from strut_client import errors
from strut_proto.v1.motion_service_pb2 import GetServerInfoRequest
from strut_proto.v1.motion_service_pb2_grpc import MotionServiceStub


def packed(*details: Message) -> list[Any]:
    result = []
    for detail in details:
        entry = Any()
        entry.Pack(detail)
        result.append(entry)
    return result


def test_details_become_attributes() -> None:
    bad = error_details_pb2.BadRequest()
    bad.field_violations.add(field="controls.steps", description="is 3, it must be one of 1, 2, 4")
    status = status_pb2.Status(
        code=grpc.StatusCode.INVALID_ARGUMENT.value[0],
        message="1 field",
        details=packed(
            error_details_pb2.ErrorInfo(reason="INVALID_FIELD", domain="strut", metadata={"a": "b"}),
            bad,
            error_details_pb2.RetryInfo(retry_delay=Duration(seconds=1, nanos=500_000_000)),
        ),
    )
    error = errors.error_of_status(status)
    assert type(error) is errors.InvalidRequestError
    assert error.code is grpc.StatusCode.INVALID_ARGUMENT
    assert error.reason == "INVALID_FIELD"
    assert error.metadata == {"a": "b"}
    assert error.violations == (errors.FieldViolation("controls.steps", "is 3, it must be one of 1, 2, 4"),)
    assert error.retry_seconds == 1.5
    assert str(error) == "INVALID_ARGUMENT (INVALID_FIELD): 1 field"


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK])
def test_every_code_has_a_type(code: grpc.StatusCode) -> None:
    error = errors.error_of_status(status_pb2.Status(code=code.value[0], message="no"))
    assert error.code is code
    assert type(error) is not errors.StrutError
    assert type(error) is errors.ServerError or code in type(error).CODES


def test_a_code_of_the_future_is_a_server_error() -> None:
    assert type(errors.error_of_status(status_pb2.Status(code=99, message="new"))) is errors.ServerError


def test_unknown_details_are_ignored() -> None:
    status = status_pb2.Status(code=5, message="gone", details=packed(error_details_pb2.Help()))
    assert type(errors.error_of_status(status)) is errors.NotFoundError


def test_a_failed_call_without_details_keeps_its_code_and_message() -> None:
    # Port 9 of the loopback interface is never served by Strut; nothing is sent to anyone.
    with grpc.insecure_channel("127.0.0.1:9") as channel:
        stub = MotionServiceStub(channel)
        with pytest.raises(grpc.RpcError) as failed:
            stub.GetServerInfo(GetServerInfoRequest(), timeout=5)
    error = errors.error_of_call(failed.value)
    assert type(error) is errors.UnavailableError
    assert error.message
