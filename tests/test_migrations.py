"""Every version of the database that was ever released leads to the newest."""

import sqlite3

import pytest

from homerun.store import Store
from homerun.store.schema import MIGRATIONS, WIDTH, migrate


def schema_of(db):
    return sorted(db.execute("SELECT type, name, sql FROM sqlite_master").fetchall(), key=str)


@pytest.mark.parametrize("version", range(len(MIGRATIONS) + 1))
def test_a_database_of_any_version_is_brought_up_to_date(tmp_path, version):
    with sqlite3.connect(tmp_path / "old.db", isolation_level=None) as old:
        for script in MIGRATIONS[:version]:
            old.executescript(script)
        old.execute(f"PRAGMA user_version = {version}")
        if version:
            old.execute("PRAGMA application_id = 0x686D7275")
        migrate(old, "old.db")
    with Store(tmp_path / "home") as fresh:
        assert schema_of(old) == schema_of(fresh.db)
    assert old.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    assert old.execute("SELECT count(*) FROM position").fetchone() == (WIDTH,)
    old.close()


def test_a_migration_that_fails_leaves_the_database_as_it_was(tmp_path):
    with sqlite3.connect(tmp_path / "old.db", isolation_level=None) as old:
        old.execute("PRAGMA application_id = 0x686D7275")
        old.execute("CREATE VIEW history AS SELECT 1")  # in the way of the first migration
        with pytest.raises(sqlite3.OperationalError):
            migrate(old, "old.db")
    assert old.execute("SELECT name FROM sqlite_master").fetchall() == [("history",)]
    assert old.execute("PRAGMA user_version").fetchone() == (0,)
    old.close()
