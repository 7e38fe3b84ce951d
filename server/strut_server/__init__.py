"""The runtime: gRPC in, windows of motion out."""
