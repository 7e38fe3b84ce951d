"""The contract's generated Python stubs; `proto/generate.py` writes them."""
