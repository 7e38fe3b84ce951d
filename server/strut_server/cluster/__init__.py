"""Engines on more than one machine: Ray actors that evaluate parts of the batches of one gRPC front."""
