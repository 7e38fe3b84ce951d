"""The server's clock: monotonic nanoseconds, read at every hand-over of a window's way through the server."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic_ns

from strut_proto.v1 import timing_pb2

__all__ = ["MILLISECOND", "NANOSECONDS", "BatchTimes", "monotonic_ns", "stamp_sent", "timing_message"]

NANOSECONDS = 1_000_000_000
"""Nanoseconds in a second."""
MILLISECOND = 1_000_000
"""Nanoseconds in a millisecond."""


@dataclass(frozen=True)
class BatchTimes:
    """Stamps and durations (nanoseconds) that all windows of a batch share.

    Attributes:
        opened: stamp, the batcher was free and began to collect.
        closed: stamp, the batch was complete.
        featurise: making the network's inputs.
        inference: evaluating the network.
        postprocess: decoding, seams and foot locks.
        serialise: packing the frames.
        size: windows in the batch.
        padded_size: the same with padding.
        inference_cpu: processor time of this thread within ``inference``.
    """

    opened: int
    closed: int
    featurise: int = 0
    inference: int = 0
    postprocess: int = 0
    serialise: int = 0
    size: int = 0
    padded_size: int = 0
    inference_cpu: int = 0


def timing_message(received_ns: int, client_send_ns: int, times: BatchTimes | None) -> timing_pb2.Timing:
    """Where a window's time went, but for the stamps of its sending, which `stamp_sent` adds.

    Args:
        received_ns: stamp of the request's arrival.
        client_send_ns: the client's own stamp, to be repeated.
        times: those of its batch; None where the request never came into one.
    """
    timing = timing_pb2.Timing(client_send_time_ns=client_send_ns, server_receive_time_ns=received_ns)
    if times is not None:
        collected = max(times.opened, received_ns)
        timing.queue_ns = collected - received_ns
        timing.batch_wait_ns = max(times.closed - collected, 0)
        timing.featurise_ns = times.featurise
        timing.inference_ns = times.inference
        timing.postprocess_ns = times.postprocess
        timing.serialise_ns = times.serialise
        timing.batch_size = times.size
        timing.padded_batch_size = times.padded_size
    return timing


def stamp_sent(timing: timing_pb2.Timing, sent_ns: int) -> None:
    """Complete a timing at the moment in which its reply is handed to the transport."""
    timing.server_send_time_ns = sent_ns
    timing.server_total_ns = sent_ns - timing.server_receive_time_ns
