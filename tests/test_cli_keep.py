"""Keeping a home in order: notes, tags, removal, copies and repair."""

import json
import re
import shutil

from homerun.store import Store
from tests.cli_call import attempt, call
from tests.cli_home import add_sweep, end, train


def test_notes_are_set_shown_and_taken_away(filled):
    assert "has no note" in call("note", "1").stderr
    call("note", "1", "best", "so", "far")
    assert call("note", "1").stdout == "best so far\n"
    call("note", "1", "")
    assert call("note", "1").stdout == ""


def test_tags_are_added_and_taken_away(filled):
    assert call("tag", "solo1234", "+a", "+b c", "-first", "+a").stdout == "a\nb c\n"
    assert call("tag", "solo1234", "-a", "-never").stdout == "b c\n"
    assert call("tag", "solo1234").stdout == "b c\n"
    assert call("tag", "solo1234", "-b c").stderr == "run 9 has no tags\n"


def test_removal_shows_what_goes_and_asks(filled):
    done = attempt("rm", "1", "solo1234")
    assert done.returncode == 2
    assert "digits > " in done.stderr
    assert "run 9  finished  paddy > solo" in done.stderr
    assert "add -y" in done.stderr
    with Store(filled) as store:
        first = store.run("1")
        assert "removed 2 runs" in call("rm", "1", "solo1234", "-y").stderr
        assert not store.folder(first.id).path.exists()
        assert [run.number for run in store.runs()] == list(range(2, 9))
        assert store.rows("SELECT count(*) FROM metric WHERE run = 1") == [(0,)]


def test_a_running_run_is_never_removed(filled):
    for arguments in (["rm", "5", "-y"], ["rm", "x3k9a2bc", "-y"], ["rm", "1", "5", "-y"]):
        done = attempt(*arguments)
        assert done.returncode == 2
        assert "run 5 is running, so nothing was removed; first: homerun kill 5" in done.stderr
    with Store(filled) as store:
        assert len(store.runs()) == 9


def test_a_sweep_is_removed_with_all_its_runs(home):
    with Store(home) as store:
        sweep = add_sweep(store)
        run = train(store, sweep, error=0.1)
        end(store, run)
        store.add_run("other", project="p")
        end(store, store.run("other"))
        assert "removed 1 sweep and 8 runs" in call("rm", sweep.id, "-y").stderr
        assert [run.id for run in store.runs()] == ["other"]
        assert store.sweeps() == []
        assert [path.name for path in (home / "runs").iterdir()] == ["other"]


def test_runs_of_the_queue_are_killed_before_they_start(filled):
    assert "1 run killed" in call("kill", "8", "1").stderr
    with Store(filled) as store:
        assert store.run("8").state == "killed"
        assert store.run("1").state == "finished"


def test_a_copy_is_one_file_named_by_its_date(filled, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = call("backup").stdout.strip()
    assert name.startswith("homerun-20")
    assert call("backup", str(filled)).stdout.startswith(str(filled / "homerun-20"))
    other = tmp_path / "other"
    other.mkdir()
    shutil.copyfile(name, other / "homerun.db")
    runs = json.loads(call("--home", str(other), "ls", "--all", "--json").stdout)
    assert [run["number"] for run in runs] == list(range(9, 0, -1))
    assert attempt("backup", name).returncode == 2


def test_the_doctor_checks_repairs_and_says_so(filled):
    call("ls")  # takes over the journals of runs that have ended
    done = attempt("doctor")
    assert done.returncode == 0
    assert re.search(r"disk +[\d.]+ KiB in the folders of 6 runs; largest: ", done.stdout)
    assert str(filled) in done.stdout  # in one piece
    assert all(len(line) <= 80 for line in done.stdout.splitlines() if "/" not in line)
    with Store(filled) as store, store.write() as db:
        db.execute("UPDATE run SET state = 'dancing' WHERE number = 1")
    found = attempt("doctor")
    assert found.returncode == 1
    assert "in no known state" in found.stdout
    assert "homerun doctor --repair" in found.stderr
    documents = json.loads(call("doctor", "--repair", "--json").stdout)
    assert [f["subject"] for f in documents["repaired"]] == ["runs"]
    assert all(finding["level"] in {"ok", "note"} for finding in documents["found"])
    assert attempt("doctor").returncode == 0


def test_the_doctor_of_a_home_that_is_not_there(home):
    done = attempt("doctor")
    assert done.returncode == 0
    assert "is not there yet" in done.stdout
    assert not home.exists()
