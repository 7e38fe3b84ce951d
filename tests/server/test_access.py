"""The file of callers."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from strut_server import access
from strut_server.access import Callers, Role, parse_callers
from strut_server.commands import token as token_command
from strut_server.settings import SettingError

HASH = hashlib.sha256(b"secret").hexdigest()


def entry(**fields: object) -> str:
    return yaml.safe_dump({"callers": [{"name": "game", "role": "stream", **fields}]})


def test_callers_are_found_by_token_and_by_certificate(tmp_path: Path) -> None:
    path = tmp_path / "tokens.yaml"
    rows = [
        {"name": "game", "role": "stream", "sha256": HASH},
        {"name": "studio", "role": "design", "certificate": "studio.example"},
    ]
    path.write_text(yaml.safe_dump({"callers": rows}))
    callers = Callers(path)
    game = callers.by_token("secret")
    assert game is not None
    assert (game.name, game.role) == ("game", Role.STREAM)
    studio = callers.by_certificate(["other", "studio.example"])
    assert studio is not None
    assert studio.role is Role.DESIGN
    assert callers.by_certificate([]) is None
    for wrong in ("", "Secret", "secret ", HASH, "\0" * 32, "\udcff"):
        assert callers.by_token(wrong) is None


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("callers: 3", "callers:"),
        ("[", "YAML"),
        ("other: []\ncallers: []", "callers:"),
        (entry(role="root", sha256=HASH), "callers[0].role"),
        (entry(), "neither"),
        (entry(sha256=HASH, certificate="x"), "both"),
        (entry(sha256="12"), "callers[0].sha256"),
        (entry(sha256=HASH, secret="x"), "secret"),
        (entry(name="", sha256=HASH), "callers[0].name"),
        (entry(certificate=3), "callers[0].certificate"),
        (
            yaml.safe_dump({"callers": [{"name": n, "role": "stream", "sha256": HASH} for n in "ab"]}),
            "callers[1]",
        ),
    ],
)
def test_a_wrong_file_is_refused_by_entry_and_field(text: str, named: str) -> None:
    with pytest.raises(SettingError) as caught:
        parse_callers(text)
    assert named in str(caught.value)


def test_a_token_that_is_taken_out_is_refused_and_half_an_edit_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "RELOAD_SECONDS", 0.0)
    path = tmp_path / "tokens.yaml"
    path.write_text(entry(sha256=HASH))
    callers = Callers(path)
    path.write_text("callers: [")
    assert callers.by_token("secret") is not None
    path.unlink()
    assert callers.by_token("secret") is not None
    path.write_text("callers: []")
    os.utime(path, ns=(1, 1))
    assert callers.by_token("secret") is None


def test_strut_token_adds_entries_that_serve_reads(tmp_path: Path) -> None:
    path = tmp_path / "tokens.yaml"
    tokens = {}
    for name, role in (("game", "stream"), ("it's: studio", "admin")):
        result = CliRunner().invoke(token_command, ["--name", name, "--role", role, "--file", str(path)])
        assert result.exit_code == 0, result.output
        tokens[name] = result.output.split()[-1]
        assert tokens[name] not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0
    callers = Callers(path)
    for name, role in (("game", Role.STREAM), ("it's: studio", Role.ADMIN)):
        caller = callers.by_token(tokens[name])
        assert caller is not None
        assert (caller.name, caller.role) == (name, role)


def test_strut_token_leaves_a_file_alone_that_it_does_not_understand(tmp_path: Path) -> None:
    path = tmp_path / "tokens.yaml"
    path.write_text("something: else\n")
    result = CliRunner().invoke(token_command, ["--name", "game", "--file", str(path)])
    assert result.exit_code == 1
    assert path.read_text() == "something: else\n"
