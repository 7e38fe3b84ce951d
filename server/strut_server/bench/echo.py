"""A server that answers every window request at once with the same frames: the floor of what gRPC costs.

    python -m strut_server.bench.echo

speaks the contract's stream and prints its address, like `strut serve`.
"""

# ruff: noqa: N802  (the methods are named as in the contract)

from __future__ import annotations

import asyncio

import grpc.aio

from strut_model.features import WINDOW
from strut_model.frames import FrameEncoding, record_bytes
from strut_proto.v1 import frames_pb2, motion_service_pb2, motion_service_pb2_grpc
from strut_server.server_info import limits_message
from strut_server.settings import ServerSettings
from strut_server.unavailable import missing_call

Context = grpc.aio.ServicerContext


class EchoService(motion_service_pb2_grpc.MotionServiceServicer):
    """Answers without thinking: replies are as large as real ones, and their motion means nothing."""

    GenerateWindows = missing_call("GenerateWindows", "an echo of it")
    GetServerInfo = missing_call("GetServerInfo", "an echo of it")
    ListCharacters = missing_call("ListCharacters", "an echo of it")
    OverrideControls = missing_call("OverrideControls", "an echo of it")
    StylizeClip = missing_call("StylizeClip", "an echo of it")
    EditClip = missing_call("EditClip", "an echo of it")

    # gRPC takes a coroutine that writes to its context as well as a generator.
    async def StreamMotion(self, request_iterator: object, context: Context) -> None:  # type: ignore[override]
        """Answer every request of a stream."""
        data = bytes(WINDOW * record_bytes(FrameEncoding.QUAT48))
        frames = frames_pb2.PackedFrames(encoding=frames_pb2.FRAME_ENCODING_QUAT48, count=WINDOW, data=data)
        while (message := await context.read()) is not grpc.aio.EOF:
            if message.HasField("hello"):
                hello = motion_service_pb2.ServerHello(protocol_version=1, limits=limits_message(ServerSettings()))
                await context.write(motion_service_pb2.StreamMotionResponse(hello=hello))
                continue
            batch = motion_service_pb2.WindowReplyBatch()
            for request in message.requests.requests:
                reply = batch.replies.add(character=request.character, sequence=request.sequence)
                reply.window.frames.CopyFrom(frames)
                reply.window.start_frame = request.timeline.start_frame
            await context.write(motion_service_pb2.StreamMotionResponse(replies=batch))


async def _serve() -> None:
    server = grpc.aio.server()
    motion_service_pb2_grpc.add_MotionServiceServicer_to_server(EchoService(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"Strut's echo is ready on 127.0.0.1:{port}: it thinks nothing", flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(_serve())
