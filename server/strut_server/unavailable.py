"""Calls that belong to the contract and not yet to this server: each answers which capability it needs."""

from __future__ import annotations

from typing import Any

from strut_server import errors
from strut_server.errors import abort


def missing_call(name: str, capability: str) -> Any:
    """A servicer's method, of any kind of call, that answers UNIMPLEMENTED.

    Args:
        name: the call's name.
        capability: the name of the contract's Capability that it needs.
    """

    async def answer(servicer: Any, request: Any, context: Any) -> None:
        await abort(context, errors.capability_missing(capability, name))

    answer.__name__ = name
    return answer
