"""The files of the page, as the console's build has written them into the package.

They are read once, and nothing else is ever served: a request names one of them or gets nothing.
"""

from __future__ import annotations

import gzip
import mimetypes
from dataclasses import dataclass
from importlib import resources

NONCE = b"STRUT_NONCE"
"""Stands in the page where the nonce of its own style sheets comes."""
INDEX = "/"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}
_WORTH_PACKING = 1024


class PageMissingError(OSError):
    """The package holds no page."""


@dataclass(frozen=True)
class PageFile:
    """A file: its bytes, the same packed by gzip (None where that is no gain), its type, whether it never changes."""

    body: bytes
    packed: bytes | None
    content_type: str
    immutable: bool


def read_page() -> dict[str, PageFile]:
    """The page's files by path; `INDEX` is the page itself.

    Raises:
        PageMissingError: the console was not built.
    """
    root = resources.files("strut_server.console") / "page"
    if not (root / "index.html").is_file():
        raise PageMissingError(f"{root} holds no page; in a checkout, `npm ci && npm run build` in console/ writes it")
    files = {INDEX: _read((root / "index.html").read_bytes(), "index.html", immutable=False)}
    for entry in (root / "assets").iterdir():
        # Their names hold a hash of what is in them.
        files[f"/assets/{entry.name}"] = _read(entry.read_bytes(), entry.name, immutable=True)
    return files


def _read(body: bytes, name: str, immutable: bool) -> PageFile:
    suffix = name[name.rfind(".") :]
    kind = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    if kind.startswith("text/"):
        kind += "; charset=utf-8"
    packed = gzip.compress(body, mtime=0) if immutable and len(body) > _WORTH_PACKING else None
    return PageFile(body, packed if packed is not None and len(packed) < len(body) else None, kind, immutable)
