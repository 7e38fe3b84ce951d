"""Who calls, and what they may do: bearer tokens and client certificates by name, each with a role.

The file of tokens is YAML and holds no token, only hashes, so that whoever reads it cannot call:

    callers:
      - name: game                # who it is, for logs and as the owner of what it stores
        role: stream              # stream, design or admin; each may do what those before it may
        sha256: 9f86d081884c...   # of the token; `strut token` makes both
      - name: studio
        role: design
        certificate: designer.studio.example    # a name in the client's certificate, with mutual TLS

Tokens are long random numbers, not passwords, so one round of SHA-256 is enough to hide them.
"""

from __future__ import annotations

import contextvars
import enum
import hashlib
import hmac
import logging
import os
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from strut_server.settings import SettingError

TOKEN_BYTES = 32
MAX_CALLERS = 10_000
MAX_NAME = 64
RELOAD_SECONDS = 1.0
"""Least distance of two looks at the file's time stamp."""

_HASH = re.compile(r"[0-9a-f]{64}")
_FIELDS = frozenset({"name", "role", "sha256", "certificate"})

log = logging.getLogger(__name__)


class Role(enum.IntEnum):
    """What a caller may do; a higher one may do all that a lower one may."""

    NONE = 0
    """Health checks: asked without saying who one is."""
    STREAM = 1
    """What a game does: ask for motion, read styles and presets."""
    DESIGN = 2
    """What a designer does besides: make styles and presets, see and override characters."""
    ADMIN = 3
    """Everything else."""


@dataclass(frozen=True)
class Caller:
    """Who makes a call.

    Attributes:
        name: 1 to 64 characters, from the file of tokens; the owner of what the caller stores.
        role: what it may do.
    """

    name: str
    role: Role


EVERYBODY = Caller("local", Role.ADMIN)
"""Whoever calls a server without a file of tokens."""

current_caller: contextvars.ContextVar[Caller] = contextvars.ContextVar("current_caller", default=EVERYBODY)
"""Who makes the call that is being answered."""


@dataclass(frozen=True)
class Entry:
    """A line of the file: a caller, and the token's hash or the certificate's name by which it is known."""

    caller: Caller
    token_hash: bytes | None
    certificate: str | None


def new_token() -> tuple[str, str]:
    """A random token and its SHA-256 in hexadecimal digits."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    return token, hashlib.sha256(token.encode()).hexdigest()


def callers_yaml(name: str, role: str, digest: str) -> str:
    """The lines of an entry, to be put below 'callers:'."""
    rows = [{"name": name, "role": role, "sha256": digest}]
    text: str = yaml.safe_dump(rows, sort_keys=False, allow_unicode=True)
    return "".join(f"  {line}\n" for line in text.splitlines())


def write_whole(path: Path, text: str) -> None:
    """Write a file in one rename, readable by its owner alone, so that a server never sees half of it."""
    temporary = path.with_name(path.name + ".partial")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def parse_callers(text: str, source: str = "tokens") -> list[Entry]:
    """The entries of a file's text.

    Raises:
        SettingError: the text is no YAML of the expected form; the message names the entry and the field.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SettingError(f"{source}: not valid YAML ({error})") from error
    rows = document.get("callers") if isinstance(document, dict) else None
    if not isinstance(rows, list) or len(document) != 1:
        raise SettingError(f"{source}: holds no list; allowed: 'callers:' with a list of entries and nothing else")
    if len(rows) > MAX_CALLERS:
        raise SettingError(f"{source}: callers has {len(rows)} entries; allowed: up to {MAX_CALLERS}")
    entries = [_entry(row, f"{source}: callers[{index}]") for index, row in enumerate(rows)]
    keys = [entry.token_hash or entry.certificate for entry in entries]
    for index, key in enumerate(keys):
        if key in keys[:index]:
            raise SettingError(f"{source}: callers[{index}] has the token or certificate of callers[{keys.index(key)}]")
    return entries


def _entry(row: Any, path: str) -> Entry:
    if not isinstance(row, Mapping) or set(row) - _FIELDS:
        unknown = sorted(map(str, set(row) - _FIELDS)) if isinstance(row, Mapping) else [type(row).__name__]
        raise SettingError(f"{path}: has {', '.join(unknown)}; allowed: {', '.join(sorted(_FIELDS))}")
    name, role = row.get("name"), row.get("role")
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME:
        raise SettingError(f"{path}.name: is {name!r}; allowed: 1 to {MAX_NAME} characters")
    roles = {known.name.lower(): known for known in Role if known is not Role.NONE}
    if role not in roles:
        raise SettingError(f"{path}.role: is {role!r}; allowed: {', '.join(roles)}")
    token_hash, certificate = row.get("sha256"), row.get("certificate")
    if (token_hash is None) == (certificate is None):
        raise SettingError(f"{path}: has {'neither' if token_hash is None else 'both'}; one of sha256 and certificate")
    if token_hash is not None and not (isinstance(token_hash, str) and _HASH.fullmatch(token_hash)):
        raise SettingError(f"{path}.sha256: is not a hash; allowed: 64 lower case hexadecimal digits")
    if certificate is not None and not (isinstance(certificate, str) and certificate):
        raise SettingError(f"{path}.certificate: is {certificate!r}; allowed: a name of a client certificate")
    return Entry(Caller(name, roles[role]), bytes.fromhex(token_hash) if token_hash else None, certificate)


class Callers:
    """The file of tokens, read again when it changes: a token that is taken out is refused a second later.

    Args:
        path: the file.

    Raises:
        SettingError: it cannot be read, or does not have the expected form.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = self._stamp_now()
        self._entries = self._read()
        self._looked = time.monotonic()

    def by_token(self, token: str) -> Caller | None:
        """Whose token it is. Takes equally long whichever it is, so that time tells nothing about the hashes."""
        self._refresh()
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        found = None
        for entry in self._entries:
            if hmac.compare_digest(entry.token_hash or bytes(len(digest)), digest) and entry.token_hash is not None:
                found = entry.caller
        return found

    def by_certificate(self, names: Sequence[str]) -> Caller | None:
        """Whose certificate has one of these names; they were verified by TLS."""
        self._refresh()
        return next((entry.caller for entry in self._entries if entry.certificate in names), None)

    def _refresh(self) -> None:
        now = time.monotonic()
        if now - self._looked < RELOAD_SECONDS:
            return
        self._looked = now
        try:
            stamp = self._stamp_now()
            if stamp != self._stamp:
                self._entries = self._read()
                self._stamp = stamp
                log.info("%s: read again, %d callers", self._path, len(self._entries))
        except SettingError as error:
            # Half an edit must not lock everybody out; the file is looked at again in a second.
            log.error("the callers stay as they were: %s", error)

    def _stamp_now(self) -> tuple[int, int]:
        try:
            status = os.stat(self._path)  # noqa: PTH116  (one call a second, on the event loop)
        except OSError as error:
            raise SettingError(f"tokens: {self._path} cannot be read ({error.strerror})") from error
        return status.st_mtime_ns, status.st_size

    def _read(self) -> list[Entry]:
        try:
            text = self._path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingError(f"tokens: {self._path} cannot be read ({error})") from error
        return parse_callers(text, f"tokens: {self._path}")
