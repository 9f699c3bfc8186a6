"""The doctor: finds what is wrong, repairs without loss, and says exactly what damage took."""

import os
import random
import shutil
import sqlite3
import stat
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homerun.core import RunState, StoreError, UsageError
from homerun.store import Store, doctor, fold, settle
from homerun.store import journal as jr
from tests.cli_home import add_sweep, end, fill, hold, train, write_journal

PAGE = 4096


def texts(findings, *levels):
    return [finding.text for finding in findings if not levels or finding.level in levels]


def bad(home):
    return texts(doctor.check(home), "warning", "error")


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Return a home of some fifty pages, all of them in the database file itself."""
    home = tmp_path_factory.mktemp("sound") / "home"
    with Store(home) as store:
        sweep = add_sweep(store)
        for index in range(3):
            end(store, train(store, sweep, error=index / 10, epochs=150))
        for index in range(30):
            run_id = f"solo{index:04}"
            store.add_run(run_id, project=f"p{index % 3}", config={"lr": 1e-5, "blob": "x" * 300})
            write_journal(store, run_id, [[jr.ROW, i, 1e9 + i, {"loss": i / 2}] for i in range(40)])
            fold(store, run_id)
            end(store, store.run(run_id))
        settle(store)
        store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return home


def copy_of(sound, folder):
    home = folder / "home"
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(sound, home)
    return home


def facts(home):
    with Store(home) as store:
        runs = {run.id: (run.state, run.config) for run in store.runs()}
        points = dict(
            store.rows("SELECT run || ' ' || key, count(*) FROM history GROUP BY run, key")
        )
        counts = store.rows(
            "SELECT run.id || ' ' || key, count FROM metric JOIN run ON run.number = metric.run"
        )
    assert dict(counts) == points  # the statistics are those of the points
    return runs, points


def assert_losses_are_told(home, sound, repaired):
    """Compare a repaired home with the sound one: every run is there, every lost point told."""
    runs, points = facts(sound)
    runs_now, points_now = facts(home)
    told = " ".join(texts(repaired, "warning"))
    assert runs_now.keys() == runs.keys()
    for run_id, (_, config) in runs.items():
        assert runs_now[run_id][1] == config or run_id in told
    for which, count in points.items():
        missing = count - points_now.get(which, 0)
        run_id, key = which.split(" ", 1)
        if missing:
            assert f"lost {missing} of {count} points of {key} of run {run_id}" in told
    assert points_now.keys() <= points.keys()
    assert bad(home) == []


def test_a_sound_home_needs_nothing(sound, tmp_path):
    home = copy_of(sound, tmp_path)
    assert bad(home) == []
    before = (home / "homerun.db").read_bytes()
    assert doctor.repair(home) == ()
    doctor.check(home)
    assert (home / "homerun.db").read_bytes() == before


def test_what_is_not_there_yet_is_no_error(tmp_path):
    assert bad(tmp_path / "none") == []
    assert doctor.repair(tmp_path / "none") == ()
    assert not (tmp_path / "none").exists()


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_damaged_page_costs_no_more_than_is_told(data, sound, tmp_path_factory):
    home = copy_of(sound, tmp_path_factory.mktemp("damaged"))
    path = home / "homerun.db"
    page = data.draw(st.integers(0, path.stat().st_size // PAGE - 1))
    noise = random.Random(1).randbytes(PAGE)
    content = data.draw(st.sampled_from([bytes(PAGE), b"\xff" * PAGE, noise]))
    with path.open("r+b") as file:
        file.seek(page * PAGE)
        file.write(content)
    found = doctor.check(home)
    assert any("damaged" in text for text in texts(found, "error"))
    repaired = doctor.repair(home)
    assert_losses_are_told(home, sound, repaired)
    (aside,) = home.glob("damaged-*")
    with (aside / "homerun.db").open("rb") as file:
        file.seek(page * PAGE)
        assert file.read(PAGE) == content


def test_header_and_schema_are_taken_from_a_new_database(sound, tmp_path):
    home = copy_of(sound, tmp_path)
    with (home / "homerun.db").open("r+b") as file:
        file.write(b"not a database at all" * 100)
    assert "nothing was lost" in texts(doctor.repair(home))
    assert facts(home) == facts(sound)


def test_a_file_that_was_cut_short_keeps_its_runs(sound, tmp_path):
    home = copy_of(sound, tmp_path)
    os.truncate(home / "homerun.db", (home / "homerun.db").stat().st_size * 3 // 4 // PAGE * PAGE)
    repaired = doctor.repair(home)
    assert any(text.startswith("lost ") for text in texts(repaired, "warning"))
    runs, _ = facts(sound)
    now, _ = facts(home)
    folders = {entry.name for entry in (home / "runs").iterdir()}
    assert folders <= now.keys() <= runs.keys()
    assert all(now[run_id][0] == runs[run_id][0] for run_id in folders)


def test_without_any_database_runs_come_back_from_their_folders(tmp_path):
    with Store(tmp_path) as store:
        sweep = add_sweep(store)
        lost = train(store, sweep, error=0.1)
        end(store, lost, RunState.FAILED, "exit code 1")
        before = store.run(lost.id)
    (tmp_path / "homerun.db").unlink()
    for log in tmp_path.glob("homerun.db-*"):
        log.unlink()
    assert any("can be restored" in text for text in bad(tmp_path))
    assert any("restored" in text for text in texts(doctor.repair(tmp_path)))
    with Store(tmp_path) as store:
        after = store.run(lost.id)
        assert (after.state, after.reason, after.exit_code) == ("failed", "exit code 1", 1)
        assert after.config == before.config
        assert after.summary["error_rate"] == before.summary["error_rate"]
    assert bad(tmp_path) == []


def test_an_empty_database_file_is_replaced(sound, tmp_path):
    home = copy_of(sound, tmp_path)
    os.truncate(home / "homerun.db", 0)
    assert any("it is empty" in text for text in bad(home))
    doctor.repair(home)
    assert bad(home) == []
    assert facts(home)[0].keys() >= {entry.name for entry in (home / "runs").iterdir()}


def test_points_in_the_write_ahead_log_and_in_journals_survive_damage(tmp_path):
    with Store(tmp_path) as store:
        store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        sweep = add_sweep(store)
        run = train(store, sweep, error=0.1, epochs=3)  # folded: in the write-ahead log
        write_journal(store, run.id, [[jr.ROW, 3, 2e9, {"error_rate": 0.05}]])  # not folded
        held = hold(store, run)
        copy = tmp_path / "copy"
        copy.mkdir()
        for name in ("homerun.db", "homerun.db-wal"):
            shutil.copyfile(tmp_path / name, copy / name)
        shutil.copytree(tmp_path / "runs", copy / "runs")
        os.close(held)
    with (copy / "homerun.db").open("r+b") as file:
        file.write(bytes(100))
    doctor.repair(copy)
    with Store(copy) as store:
        rows = store.rows("SELECT step FROM history WHERE key = 'error_rate' ORDER BY step")
        assert [row[0] for row in rows] == [0, 1, 2, 3]


def test_repair_waits_until_nobody_has_the_database_open(sound, tmp_path):
    home = copy_of(sound, tmp_path)
    with (home / "homerun.db").open("r+b") as file:
        file.seek(3 * PAGE)
        file.write(bytes(PAGE))
    program = (
        "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); print(db, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, home / "homerun.db"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as reader:
        reader.stdout.readline()
        with pytest.raises(StoreError, match=f"process {reader.pid} .*stop it"):
            doctor.repair(home)
        reader.communicate(b"\n")
    doctor.repair(home)
    assert bad(home) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE run SET state = 'dancing' WHERE number = 1", "in no known state"),
        ("UPDATE run SET ended_at = NULL WHERE number = 1", "ended without a time"),
        ("UPDATE run SET exit_code = 3 WHERE number = 1", "exit code that is not 0"),
        ("UPDATE run SET config = '{\"lr\": 0.' WHERE number = 1", "damaged config"),
        ("UPDATE run SET state = 'killed', reason = '' WHERE number = 1", "without a reason"),
        ("UPDATE sweep SET state = 'dancing'", "in no known state"),
        ("DELETE FROM metric WHERE run = 1", "belong to nothing"),
    ],
)
def test_impossible_rows_are_found_and_mended(sound, tmp_path, change, told):
    home = copy_of(sound, tmp_path)
    with sqlite3.connect(home / "homerun.db") as db:
        db.execute(change)
    db.close()
    findings = doctor.check(home)
    assert [told in f.text for f in findings if f.is_repairable] == [True]
    assert doctor.repair(home)
    assert bad(home) == []


def test_strays_left_journals_and_lost_folders_are_found(tmp_path):
    with Store(tmp_path) as store:
        sweep = add_sweep(store)
        stray = train(store, sweep, error=0.1)
        end(store, stray)
        other = train(store, sweep, error=0.2)
        end(store, other)
        with store.folder(other.id).path.joinpath("journal").open("ab") as file:
            file.write(b"\x10\x00")  # a record that was being written
        gone = train(store, sweep, error=0.3)
        end(store, gone)
        shutil.rmtree(store.folder(gone.id).path)
        store.delete([stray.id])
    (tmp_path / "runs" / "empty").mkdir()
    found = " | ".join(texts(doctor.check(tmp_path)))
    assert f"the database does not know {stray.id}" in found
    assert f"cut short in: {other.id}" in found
    assert f"left by runs that have ended: {other.id}" in found
    assert f"(output and files gone): {gone.id}" in found
    assert "without a run and without a journal: empty" in found
    doctor.repair(tmp_path)
    assert bad(tmp_path) == []
    with Store(tmp_path) as store:
        assert store.run(stray.id).state == "finished"
        assert jr.journal_paths(store.folder(other.id).path) == []
    assert "1 records were damaged or cut short" in " | ".join(texts(doctor.check(tmp_path)))


def test_a_home_that_others_can_read_is_closed(tmp_path):
    with Store(tmp_path):
        tmp_path.chmod(0o755)
        (tmp_path / "homerun.db").chmod(0o644)
    assert len(bad(tmp_path)) == 2
    doctor.repair(tmp_path)
    assert stat.S_IMODE((tmp_path / "homerun.db").stat().st_mode) == 0o600
    assert bad(tmp_path) == []


def test_a_database_of_another_program_is_left_alone(tmp_path):
    path = tmp_path / "homerun.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE mine(x)")
    db.close()
    before = path.read_bytes()
    assert any("of another program" in text for text in bad(tmp_path))
    assert any("of another program" in text for text in texts(doctor.repair(tmp_path), "error"))
    assert path.read_bytes() == before


def test_a_backup_is_whole_while_runs_write(tmp_path):
    home = tmp_path / "home"
    with Store(home) as store:
        sweep = fill(store)
        store.db.execute("BEGIN IMMEDIATE")
        store.db.execute("UPDATE run SET name = 'half'")
        copy = doctor.backup(home, tmp_path / "copy.db")
        store.db.execute("ROLLBACK")
        expected = [run.name for run in store.runs()]
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == ["copy.db"]
    other = tmp_path / "other"
    other.mkdir()
    shutil.copyfile(copy, other / "homerun.db")
    with Store(other) as store:
        assert [run.name for run in store.runs()] == expected
        assert store.sweep(sweep.id).name == sweep.name
    with pytest.raises(UsageError, match="there already"):
        doctor.backup(home, copy)
    with pytest.raises(StoreError, match="cannot be written"):
        doctor.backup(home, tmp_path / "no" / "copy.db")
    with pytest.raises(StoreError, match="no database"):
        doctor.backup(tmp_path / "none", tmp_path / "c.db")


def test_a_backup_of_a_damaged_database_is_refused(sound, tmp_path):
    home = copy_of(sound, tmp_path)
    with (home / "homerun.db").open("r+b") as file:
        file.seek(3 * PAGE)
        file.write(b"\xff" * PAGE)
    with pytest.raises(StoreError, match="doctor --repair"):
        doctor.backup(home, tmp_path / "copy.db")
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
