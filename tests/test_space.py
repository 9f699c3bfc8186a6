"""What takes up space, and giving it back without ever losing what counts."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from homerun.core import RunState
from homerun.store import Store, doctor, fold, journal, space
from tests.cli_call import attempt, call, running, until
from tests.cli_home import SPEC, add_sweep, end, hold, train, write_journal

FILES = {
    "files/model.pt": 3000,
    "files/checkpoint-9/state.dat": 1000,
    "files/media/images/a_0_1f.png": 200,
    "files/media/weights.h5": 100,
    "files/notes.md": 30,
    "files/requirements.txt": 7,
    "files/diff.patch": 7,
    "files/code/model.pt": 7,
}


def put_files(store, run, files=FILES):
    """Give a run files, recorded as tracking does."""
    folder = store.folder(run.id).path
    for name, size in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
        inner = name.removeprefix("files/")
        store.db.execute(
            "INSERT INTO file(run, path, kind, size) VALUES (?, ?, 'saved', ?)",
            (run.number, inner, size),
        )
    store.folder(run.id).output.write_text("epoch\n" * 10)


@pytest.fixture
def filled(home):
    """Return a sweep with runs that ended well (1, 2, 4), badly (3), and one that runs (5)."""
    with Store(home) as store:
        sweep = add_sweep(store, sweep_id="x3k9a2bc")
        for index, error in enumerate((0.3, 0.1, 0.05, 0.2)):
            run = train(store, sweep, error=error)
            put_files(store, run)
            state = RunState.FAILED if index == 2 else RunState.FINISHED
            end(store, run, state, "exit code 1" if index == 2 else "")
        alive = train(store, sweep, error=0.01)
        put_files(store, alive)
        lock = hold(store, alive)
        yield sweep
        os.close(lock)


def kept(number):
    """Return the names of the files that a run has below files/."""
    with Store() as store:
        root = store.folder(store.run(str(number)).id).files
        found = {p.relative_to(root.parent).as_posix() for p in root.rglob("*") if p.is_file()}
        recorded = store.rows(
            "SELECT path FROM file JOIN run ON run.number = file.run WHERE run.number = ?",
            (number,),
        )
        assert {path for (path,) in recorded} == {n.removeprefix("files/") for n in found}
        return found


def is_clean():
    with Store() as store:
        home = store.home
    return [f for f in doctor.check(home) if f.level not in {"ok", "note"}] == []


NEEDED = {"files/requirements.txt", "files/diff.patch", "files/code/model.pt"}


def test_every_file_is_of_one_kind(filled):
    with Store() as store:
        (found,) = space.measure(store, [store.run("1")])
    sizes = {kind.value: (amount.files, amount.size) for kind, amount in found.kinds.items()}
    records, _ = sizes.pop("records"), sizes.pop("journals")
    assert sizes == {"checkpoints": (2, 4000), "media": (2, 300), "files": (1, 30), "logs": (1, 60)}
    assert records[0] == 3 + 2  # process.json, result.json
    assert found.amount(space.SAVED) == space.Amount(5, 4330)


def test_without_options_it_only_shows(filled, monkeypatch):
    shown = json.loads(call("gc", "--json").stdout)
    (sweep,) = shown["sweeps"]
    assert (sweep["id"], sweep["runs"], sweep["checkpoints"]) == ("x3k9a2bc", 8, 5 * 4000)
    assert (
        shown["options"]["--keep-best 3"] == 0
    )  # three have finished, one failed with a better value
    assert shown["options"]["--checkpoints"] == 4 * 4000
    assert shown["database"]["size"] > 0
    table = call("gc").stdout.splitlines()
    assert table[0].split("\t")[:5] == ["sweep", "name", "runs", "total", "checkpoints"]
    for name in ("FORCE_COLOR", "NO_COLOR"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("COLUMNS", "80")
    page = call("gc")
    assert all(len(line) <= 80 for line in (page.stdout + page.stderr).splitlines())
    assert re.search(r"homerun gc --checkpoints +16 KiB  saved models", page.stderr)
    assert kept(1) == set(FILES) - {"files/output.log"}


def test_nothing_goes_where_nobody_can_be_asked(filled):
    done = attempt("gc", "--checkpoints")
    assert done.returncode == 2
    assert "nothing was freed; add -y" in done.stderr
    assert "2 checkpoints" in done.stdout
    plan = attempt("gc", "--checkpoints", "--json")
    assert plan.returncode == 2
    assert json.loads(plan.stdout)["freed"] == 0
    assert json.loads(plan.stdout)["size"] == 4 * 4000
    assert kept(1) == set(FILES)


@pytest.mark.parametrize(("answer", "code"), [(b"n\n", 130), (b"y\n", 0)])
def test_on_a_terminal_it_asks(filled, answer, code):
    ours, theirs = pty.openpty()
    with running("gc", "--media", stdin=theirs) as asking:
        os.write(ours, answer)
        _, errors = asking.communicate(timeout=30)
        assert asking.returncode == code
    os.close(ours)
    os.close(theirs)
    assert b"Free this, 1.2 KiB?" in errors
    assert ("files/media/weights.h5" in kept(1)) == bool(code)


def test_only_the_best_keep_their_files(filled):
    done = call("gc", "--keep-best", "1", "x3k9a2bc", "-y")
    assert "freed 8.5 KiB" in done.stderr
    assert kept(2) == set(FILES)
    assert kept(3) == set(FILES)  # it failed, but has a better value
    assert kept(1) == kept(4) == NEEDED
    assert kept(5) == set(FILES)  # it runs
    with Store() as store:
        run = store.run("1")
        assert run.summary["error_rate"] == pytest.approx(0.32)
        assert run.config["learning_rate"] == 0.002
        points = store.row("SELECT count(*) FROM history WHERE run = ?", (run.id,))
        assert points == (10,)
        assert not (store.folder(run.id).files / "media").exists()
    assert is_clean()
    assert "nothing to free" in call("gc", "--keep-best", "2", "-y").stderr


def test_the_best_of_a_maximized_metric_are_the_largest(home):
    spec = {**SPEC, "metric": {"name": "error_rate", "goal": "maximize"}}
    with Store(home) as store:
        sweep = store.add_sweep(spec, project="p", planned=3)
        store.propose(sweep, [({"lr": n}, 0) for n in range(3)], cursor=3)
        for error in (0.5, 0.9, 0.1):
            run = train(store, sweep, error=error)
            put_files(store, run)
            end(store, run)
        store.add_run("solo", project="p")  # of no sweep: nobody knows what is best
        put_files(store, store.run("solo"))
        end(store, store.run("solo"))
    call("gc", "--keep-best", "1", "-y")
    assert [number for number in (1, 2, 3, 4) if kept(number) != NEEDED] == [2, 4]


def test_the_best_of_a_sweep_that_reuses_runs_keep_theirs_too(filled):
    with Store() as store:
        clone = store.add_sweep(SPEC, project="digits", planned=1)
        reused = store.run("1").id
        with store.write() as db:
            db.execute("INSERT INTO reused(sweep, run) VALUES (?, ?)", (clone.id, reused))
    call("gc", "--keep-best", "1", "x3k9a2bc", "-y")
    assert [number for number in (1, 2, 3, 4) if kept(number) == set(FILES)] == [1, 2, 3]


def test_options_choose_runs_and_kinds(filled):
    with Store() as store:
        store.label(store.run("1").id, tags=["keep"])
        store.db.execute("UPDATE run SET ended_at = ? WHERE number = 2", (time.time() - 90000,))
    call("gc", "--checkpoints", "--older-than", "1d", "-y")
    assert [len(kept(n)) for n in (1, 2, 3, 4, 5)] == [8, 6, 8, 8, 8]
    call("gc", "--state", "failed", "--media", "-y")
    assert [len(kept(n)) for n in (1, 2, 3, 4, 5)] == [8, 6, 6, 8, 8]
    call("gc", "--state", "failed", "--state", "finished", "-y")
    assert [len(kept(n)) for n in (1, 2, 3, 4, 5)] == [8, 3, 3, 3, 8]
    call("gc", "--logs", "-y")
    with Store() as store:
        logs = [store.folder(store.run(str(n)).id).output.exists() for n in (1, 2, 3, 4, 5)]
    assert logs == [True, False, False, False, True]
    assert is_clean()
    assert attempt("gc", "--older-than", "1d").returncode == 2
    assert attempt("gc", "--logs", "--older-than", "soon").returncode == 2


def test_a_journal_goes_when_its_points_are_in_the_database(filled):
    call("ls")  # takes over what the journals of before hold
    with Store() as store:
        run = store.run("1")
        write_journal(store, run.id, [[journal.ROW, 9, time.time(), {"error_rate": 0.001}]])
        size = journal.journal_paths(store.folder(run.id).path)[0].stat().st_size
    shown = json.loads(call("gc", "--journals", "-y", "--json").stdout)
    assert (shown["runs"][0]["number"], shown["freed"]) == (1, size)
    with Store() as store:
        assert journal.journal_paths(store.folder(run.id).path) == []
        assert store.run("1").summary["error_rate"] == 0.001
        assert journal.journal_paths(store.folder(store.run("5").id).path) != []
    assert is_clean()


def test_links_are_never_followed(filled, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious.pt").write_bytes(b"x" * 5000)
    with Store() as store:
        files = store.folder(store.run("1").id).files
        (files / "folder").symlink_to(outside)
        (files / "link.pt").symlink_to(outside / "precious.pt")
        os.link(outside / "precious.pt", files / "same.pt")
        (other := store.folder(store.run("2").id).files).rename(tmp_path / "elsewhere")
        other.symlink_to(tmp_path / "elsewhere")
        (found,) = space.measure(store, [store.run("1")])
        # The link itself is so long; what lies elsewhere too gives nothing back.
        link = len(str(outside / "precious.pt"))
        assert found.amount([space.Kind.CHECKPOINTS]) == space.Amount(4, 4000 + link, 5000)
    call("gc", "--keep-best", "0", "-y")
    assert (outside / "precious.pt").read_bytes() == b"x" * 5000
    assert (tmp_path / "elsewhere" / "model.pt").exists()
    assert not (files / "link.pt").is_symlink()
    assert not (files / "same.pt").exists()


def test_a_run_that_is_in_use_again_keeps_its_files(filled):
    ours, theirs = pty.openpty()
    with running("gc", "--media", stdin=theirs) as asking:
        until(lambda: asking.stderr.read(1) in {b"?", b""})
        with Store() as store:
            lock = hold(store, store.run("1"))
        os.write(ours, b"y\n")
        _, errors = asking.communicate(timeout=30)
        os.close(lock)
    os.close(ours)
    os.close(theirs)
    assert asking.returncode == 1
    assert b"freed 900 B\n300 B stayed: " in errors
    assert (kept(1), len(kept(2))) == (set(FILES), 6)


def test_folders_of_removed_runs(home):
    with Store(home) as store:
        store.add_run("r1", project="p", state=RunState.FINISHED)
        runs = store.home / "runs"
        for name in ("r1", "gone", "torn", "awaited", "alive", "new", "not an id"):
            (runs / name).mkdir()
            (runs / name / "output.log").write_bytes(b"x" * 100)
        for name in ("r1", "gone", "awaited", "alive"):
            (runs / name / "result.json").write_text("{}")
        old = time.time() - 7200
        os.utime(runs / "torn", (old, old))
        (runs / "journaled").mkdir()
        (runs / "journaled" / "journal").write_bytes(b"")
        (store.home / "inbox").mkdir()
        (store.home / "inbox" / "awaited").touch()
        lock = store.folder("alive").hold()
        assert sorted(space.leftovers(store)) == ["gone", "torn"]
        assert space.free_leftover(store, "r1") == space.free_leftover(store, "alive")
        os.close(lock)
        (runs / "alive" / "result.json").unlink()
    assert "nobody can be asked here" in attempt("gc", "--leftovers").stderr
    call("gc", "--leftovers", "-y")
    assert not {"gone", "torn"} & {path.name for path in runs.iterdir()}
    assert {"r1", "alive", "new", "journaled", "not an id"} <= {
        path.name for path in runs.iterdir()
    }


def test_the_database_gets_smaller_when_nothing_runs(home):
    with Store(home) as store:
        store.add_run("big", project="p")
        rows = [[journal.ROW, i, 1.0 + i, {"loss": i / 7, "acc": i / 3}] for i in range(20_000)]
        write_journal(store, "big", rows)
        fold(store, "big")
        store.delete(["big"])
        shutil.rmtree(store.folder("big").path)
        store.add_run("small", project="p")
        store.folder("small").make()
        lock = hold(store, store.run("small"))
        before = space.database_space(store)
        assert before.empty > 200_000
        assert before.needed < 2 * before.size
        done = attempt("gc", "--vacuum", "-y")
        assert (done.returncode, "run 2 is running" in done.stderr) == (2, True)
        end(store, store.run("small"))
        os.close(lock)
        assert "are free" in attempt("gc", "--vacuum").stderr
        shown = json.loads(call("gc", "--vacuum", "-y", "--json").stdout)
        after = space.database_space(store)
        assert shown["freed"] > 200_000
        assert after.empty == 0
        assert after.size < before.size / 2
        assert store.run("small").state == RunState.FINISHED
    assert is_clean()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_whatever_interrupts_it_the_home_is_consistent(home, number):
    with Store(home) as store:
        for index in range(12):
            run = store.add_run(f"r{index}", project="p")
            put_files(store, run, {f"files/d{n % 9}/m{n}.pt": 9 for n in range(150)})
            end(store, run)
    first = home / "runs" / "r0" / "files" / "d0"
    with running("gc", "--checkpoints", "-y", stdin=subprocess.DEVNULL) as freeing:
        until(lambda: not first.exists())
        freeing.send_signal(number)
        freeing.communicate(timeout=30)
    for index in range(12):
        with Store(home) as store:
            recorded = store.rows("SELECT path FROM file WHERE run = ?", (index + 1,))
        for (path,) in recorded:
            assert (home / "runs" / f"r{index}" / "files" / path).exists()
    assert is_clean()
    call("gc", "--checkpoints", "-y")
    assert list(Path(home / "runs").rglob("*.pt")) == []
