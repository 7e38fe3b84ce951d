"""What outlives the server, in real SQLite files and a real PostgreSQL server."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from google.rpc import code_pb2
from tests.server.postgresql import PostgreSql

from strut_model.bundle import load_bundle
from strut_model.skeleton import PARTS
from strut_proto.v1 import controls_pb2, style_service_pb2
from strut_server import errors
from strut_server.checks import Checker
from strut_server.storage import operations, tables
from strut_server.storage.database import Database, StorageError, now_us
from strut_server.storage.presets import Presets, TooManyPresetsError
from strut_server.storage.store import Store
from strut_server.storage.styles import (
    AllStyles,
    NewStyle,
    StyleExistsError,
    TooManyStylesError,
    UserStyles,
    encoder_hash,
)
from strut_server.style_mixes import StyleReader

ENCODER = "e" * 64


def new_style(name: str, owner: str = "ada", encoder: str = ENCODER, seed: int = 0) -> NewStyle:
    vector = np.random.default_rng(seed).normal(size=(PARTS, 64)).astype(np.float32)
    source = style_service_pb2.STYLE_SOURCE_MIX
    return NewStyle(name, f"{name} as it is", source, "a test", owner, encoder, vector)


def add(database: Database, styles: UserStyles, style: NewStyle) -> None:
    with database.writing() as connection:
        styles.add(connection, style)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.close()


def test_a_style_comes_back_as_it_was_from_another_connection(database: Database, database_url: str) -> None:
    style = new_style("limping")
    add(database, UserStyles(database, 10), style)
    other = Database(database_url)
    try:
        ((encoder, found),) = UserStyles(other, 10).snapshot.styles.values()
    finally:
        other.close()
    assert encoder == ENCODER
    assert (found.name, found.description, found.provenance) == ("limping", "limping as it is", "a test")
    assert (found.owner, found.source, found.neutral) == ("ada", style_service_pb2.STYLE_SOURCE_MIX, False)
    np.testing.assert_array_equal(found.vector, style.vector)
    assert found.create_time is not None
    assert abs(found.create_time.timestamp() - now_us() / 1e6) < 600


def test_names_are_unique_and_owners_are_limited(database: Database) -> None:
    styles = UserStyles(database, 2)
    add(database, styles, new_style("one"))
    with pytest.raises(StyleExistsError):
        add(database, styles, new_style("one", owner="bob"))
    add(database, styles, new_style("two"))
    with pytest.raises(TooManyStylesError):
        add(database, styles, new_style("three"))
    add(database, styles, new_style("three", owner="bob"))
    assert styles.delete("one")
    assert not styles.delete("one")
    add(database, styles, new_style("four"))
    assert {style.name for _, style in styles.snapshot.styles.values()} <= {"two", "three", "four"}


def test_of_many_that_take_one_name_at_once_a_single_one_gets_it(database: Database) -> None:
    styles = UserStyles(database, 100)
    outcomes: list[str] = []

    def take(number: int) -> None:
        try:
            add(database, styles, new_style("wanted", seed=number))
            outcomes.append("taken")
        except StyleExistsError:
            outcomes.append("exists")

    threads = [threading.Thread(target=take, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["exists"] * 7 + ["taken"]


def test_another_server_sees_what_was_added_and_deleted_and_its_version_moves(
    database: Database, database_url: str
) -> None:
    mine, other_database = UserStyles(database, 10), Database(database_url)
    theirs = UserStyles(other_database, 10)
    version = theirs.snapshot.version
    theirs.refresh()
    assert theirs.snapshot.version == version
    for name in ("one", "two"):
        add(database, mine, new_style(name))
    theirs.refresh()
    assert {style.name for _, style in theirs.snapshot.styles.values()} == {"one", "two"}
    mine.delete("one")
    add(database, mine, new_style("one", seed=5))
    theirs.refresh()
    by_name = {style.name: style for _, style in theirs.snapshot.styles.values()}
    np.testing.assert_array_equal(by_name["one"].vector, new_style("one", seed=5).vector)
    assert theirs.snapshot.version > version
    other_database.close()


def test_the_migrations_make_the_tables_that_the_code_expects(database: Database) -> None:
    with database.reading() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), tables.metadata)
    assert differences == []


def test_servers_that_start_at_once_migrate_once(database_url: str) -> None:
    opened: list[Database] = []
    threads = [threading.Thread(target=lambda: opened.append(Database(database_url))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 4
    with opened[0].reading() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(tables.changes)).scalar_one() == 1
    for database in opened:
        database.close()


def test_a_database_of_a_later_version_is_refused(database: Database, database_url: str) -> None:
    with database.writing() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StorageError, match="another version"):
        Database(database_url)


@pytest.mark.parametrize(
    "url",
    ["nonsense", "sqlite:////proc/nowhere/strut.db", "postgresql+psycopg://me:secret@/x?host=/nowhere", "oracle://x"],
)
def test_a_database_that_cannot_be_used_is_named_without_its_password(url: str) -> None:
    with pytest.raises(StorageError, match="database") as caught:
        Database(url)
    assert "secret" not in str(caught.value)


WRITER = """
import sys
import numpy as np
from strut_server.storage.database import Database
from strut_server.storage.styles import NewStyle, UserStyles

database = Database(sys.argv[1])
styles = UserStyles(database, 1_000_000)
number = 0
while True:
    vector = np.full((5, 64), number, np.float32)
    with database.writing() as connection:
        styles.add(connection, NewStyle(f"style-{number}", "", 7, "", "ada", "e", vector))
    print(number, flush=True)
    number += 1
"""


def test_a_writer_killed_in_the_midst_leaves_all_that_it_had_told_of_and_nothing_half(database_url: str) -> None:
    Database(database_url).close()
    for _ in range(3):
        told = -1
        writer = subprocess.Popen([sys.executable, "-c", WRITER, database_url], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        for line in writer.stdout:
            told = int(line)
            if told == 20:
                writer.send_signal(signal.SIGKILL)
        writer.wait()
        assert told >= 20
        database = Database(database_url)
        try:
            styles = UserStyles(database, 1_000_000)
            numbers = sorted(int(style.name.removeprefix("style-")) for _, style in styles.snapshot.styles.values())
            # The last one may have been stored before its writer could say so.
            assert numbers in (list(range(told + 1)), list(range(told + 2)))
            for _, style in styles.snapshot.styles.values():
                assert (style.vector == int(style.name.removeprefix("style-"))).all()
            for name in [style.name for _, style in styles.snapshot.styles.values()]:
                assert styles.delete(name)
        finally:
            database.close()


def test_a_postgresql_that_goes_away_and_comes_back_is_waited_for(postgresql: PostgreSql) -> None:
    store = Store(postgresql.new_database(), 10)
    store.start()
    try:
        postgresql.stop()
        with pytest.raises(StorageError, match="does not answer"):
            store.presets.names()
        postgresql.start()
        assert store.presets.names() == []
    finally:
        store.close()


def test_presets_are_replaced_listed_and_deleted(database: Database) -> None:
    presets = Presets(database, 2)
    first = style_service_pb2.Preset(name="b", description="old", owner="somebody else")
    first.style.CopyFrom(controls_pb2.StyleMix(strength=0.5))
    saved = presets.save(first, "ada")
    assert (saved.owner, saved.description, saved.style.strength) == ("ada", "old", 0.5)
    assert saved.update_time.seconds > 0
    presets.save(style_service_pb2.Preset(name="a"), "ada")
    again = presets.save(style_service_pb2.Preset(name="b", description="new"), "bob")
    assert (again.owner, again.description, again.HasField("style")) == ("bob", "new", False)
    assert presets.names() == ["a", "b"]
    assert [preset.description for preset in presets.read(["b", "a", "gone"])] == ["", "new"]
    presets.save(style_service_pb2.Preset(name="c"), "ada")
    with pytest.raises(TooManyPresetsError):
        presets.save(style_service_pb2.Preset(name="d"), "ada")
    assert presets.delete("a")
    assert not presets.delete("a")


def test_an_operation_ends_once(database: Database) -> None:
    kept = operations.Operations(database)
    first = kept.create("waiting")
    assert (first.state, first.progress, first.HasField("error")) == (operations.QUEUED, 0, False)
    kept.report(first.id, 0.5, "half")
    running = kept.get(first.id)
    assert running is not None
    assert (running.state, running.progress, running.message) == (operations.RUNNING, 0.5, "half")
    kept.fail(first.id, errors.unreadable_file("torn").to_status())
    kept.report(first.id, 0.9, "late")
    cancelled = kept.cancel(first.id)
    assert cancelled is not None
    assert (cancelled.state, cancelled.error.message) == (operations.FAILED, "torn")
    assert not kept.succeed(first.id, "x", lambda connection: pytest.fail("stored"))
    assert kept.get("nobody") is None
    assert kept.cancel("nobody") is None


def test_a_result_that_cannot_be_stored_leaves_the_operation_open(database: Database) -> None:
    styles, kept = UserStyles(database, 1), operations.Operations(database)
    add(database, styles, new_style("taken"))
    operation = kept.create("")
    with pytest.raises(StyleExistsError):
        kept.succeed(operation.id, "taken", lambda connection: styles.add(connection, new_style("taken")))
    left = kept.get(operation.id)
    assert left is not None
    assert (left.state, left.style) == (operations.QUEUED, "")


def test_an_operation_without_a_sign_of_life_fails_and_an_old_one_is_forgotten(database: Database) -> None:
    kept = operations.Operations(database)
    lost, alive, old = (kept.create("").id for _ in range(3))
    kept.cancel(old)
    long_ago = now_us() - operations.LOST_US - 1
    with database.writing() as connection:
        ids = tables.operations.c.id
        connection.execute(sa.update(tables.operations).where(ids.in_((lost, alive))).values(beat=long_ago))
        yesterday = now_us() - operations.KEPT_US - 1
        connection.execute(sa.update(tables.operations).where(ids == old).values(update_time=yesterday))
    kept.sign_of_life({alive})
    states = {identity: kept.get(identity) for identity in (lost, alive, old)}
    assert states[lost] is not None
    assert states[lost].state == operations.FAILED
    assert states[lost].error.code == code_pb2.UNAVAILABLE
    assert states[alive] is not None
    assert states[alive].state == operations.QUEUED
    assert states[old] is None
    assert kept.cancelled({alive, lost}) == {lost}


def test_styles_of_another_encoder_are_not_served_and_the_models_own_names_come_first(
    bundle_path: Path, tmp_path: Path
) -> None:
    bundle = load_bundle(bundle_path)
    database = Database(f"sqlite:///{tmp_path / 'styles.db'}")
    users = UserStyles(database, 10)
    own = encoder_hash(bundle)
    for name, encoder in (("mine", own), ("foreign", ENCODER), ("active", own)):
        add(database, users, new_style(name, encoder=encoder))
    users.refresh()
    styles = AllStyles(bundle, users)
    assert "mine" in styles.names()
    assert styles.get("foreign") is None
    active = styles.get("active")
    assert active is not None
    assert active.source == style_service_pb2.STYLE_SOURCE_MODEL
    database.close()


def test_a_mix_of_a_name_is_forgotten_when_the_name_gets_another_style(bundle_path: Path, tmp_path: Path) -> None:
    bundle = load_bundle(bundle_path)
    database = Database(f"sqlite:///{tmp_path / 'styles.db'}")
    users = UserStyles(database, 10)
    reader = StyleReader(bundle, AllStyles(bundle, users), 4)
    mix = controls_pb2.StyleMix()
    mix.components.add(name="mine")
    for seed in (1, 2):
        style = new_style("mine", encoder=encoder_hash(bundle), seed=seed)
        add(database, users, style)
        users.refresh()
        check = Checker()
        choice = reader.read(mix, check)
        assert choice is not None
        np.testing.assert_allclose(choice.vector, style.vector, atol=1e-6)
        users.delete("mine")
    check = Checker()
    assert reader.read(mix, check) is None
    assert check.violations[0].field == "controls.style.components[0].name"
    database.close()
