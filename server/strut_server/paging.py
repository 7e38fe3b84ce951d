"""Pages of lists: a page's token is the last key of the page before, so that lists may change between pages."""

from __future__ import annotations

import base64
import binascii
import bisect
from collections.abc import Sequence
from dataclasses import dataclass

from strut_server.checks import Checker

DEFAULT_SIZE = 100
MAX_SIZE = 1000


@dataclass(frozen=True)
class Page:
    """Keys of one page, and the token of the next; empty when this is the last."""

    keys: Sequence[str]
    next_token: str


def page_of(keys: Sequence[str], size: int, token: str) -> Page:
    """The page of a sorted list.

    Args:
        keys: all, ascending.
        size: most entries; 0 for the default.
        token: of the page before; empty for the first page.

    Raises:
        RequestError: INVALID_ARGUMENT for a size out of range or a token that this server did not give.
    """
    check = Checker()
    check.number("page_size", size, 0, MAX_SIZE, "entries")
    first = 0
    if token:
        try:
            first = bisect.bisect_right(keys, base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode())
        except (binascii.Error, UnicodeDecodeError):
            check.refuse("page_token", token, "the next_page_token of an earlier answer")
    check.raise_if_failed()
    stop = first + (size or DEFAULT_SIZE)
    shown = keys[first:stop]
    more = stop < len(keys)
    return Page(shown, base64.urlsafe_b64encode(shown[-1].encode()).decode() if more else "")
