"""The designer's console: a page for browsers, and gRPC-Web for it on the same services."""
