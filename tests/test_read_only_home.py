"""A home that can only be looked at: on a file system that is mounted read-only."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from homerun.store import Store
from tests.cli_call import HOMERUN
from tests.cli_home import end, fill

LOOKS: tuple[list[str], ...] = (
    ["ls"],
    ["ls", "x3k9a2bc"],
    ["show", "1"],
    ["show", "x3k9a2bc"],
    ["logs", "1"],
    ["best", "x3k9a2bc"],
    ["diff", "1", "2"],
    ["watch", "1"],
    ["top", "--once"],
    ["plot", "x3k9a2bc", "-o", "page.html"],
    ["report", "x3k9a2bc"],
    ["df", "x3k9a2bc"],
    ["sql", "select count(*) from run"],
    ["backup", "copy.db"],
    ["agents", "--json"],
    [],
)
WRITES = (
    ["note", "1", "a note"],
    ["tag", "1", "+good"],
    ["rm", "1", "--yes"],
    ["gc", "--older-than", "1s", "--logs", "--yes"],
    ["retry", "3"],
    ["kill", "x3k9a2bc", "--yes"],
    ["sweep", "--pause", "x3k9a2bc"],
    ["add", "--", "true"],
    ["run", "--", "true"],
    ["agent", "x3k9a2bc"],
    ["finding", "add", "--by-hand", "crop wins", "--parameter", "resize", "--value", "crop"],
)
PROGRAM = """\
import json, sys
from tests.cli_call import attempt
print(json.dumps([attempt(*arguments) for arguments in json.loads(sys.argv[1])]))
"""


def looked_at(home, folder, program, *arguments):
    """Run a program that sees the home mounted read-only, in a mount namespace of its own."""
    new = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    mounted = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
    command = [*new, "/bin/sh", "-c", mounted, home, sys.executable, "-c", program, *arguments]
    done = subprocess.run(
        command,
        cwd=folder,
        env={
            **os.environ,
            "HOMERUN_HOME": str(home),
            "PYTHONPATH": str(Path(__file__).parent.parent),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def ends(home, folder, commands):
    """Return exit code, stdout and stderr of commands that can only look at the home."""
    return json.loads(looked_at(home, folder, PROGRAM, json.dumps(commands)))


@pytest.fixture
def closed(home):
    """Return a home of which nobody has the database open: there is no write-ahead log."""
    with Store(home) as store:
        fill(store)
    assert not (home / "homerun.db-wal").exists()
    return home


def test_commands_that_look_work(closed, tmp_path):
    for arguments, (code, out, err) in zip(LOOKS, ends(closed, tmp_path, LOOKS), strict=True):
        assert code == 0, (arguments, err)
        assert out or arguments[-1] in err
        assert "Traceback" not in err
        is_told = "is read-only, so what is shown may be behind" in err
        assert is_told == (arguments[:1] not in (["sql"], ["backup"])), arguments
    with Store(closed) as store:
        assert store.run("5").state == "running"  # as it was: nobody could settle it


def test_commands_that_write_say_that_they_cannot(closed, tmp_path):
    for arguments, (code, _, err) in zip(WRITES, ends(closed, tmp_path, WRITES), strict=True):
        assert (code, err.count("\n")) == (1, 1), (arguments, err)
        assert f"the home {closed} is read-only: you can look at it" in err


def test_what_others_write_meanwhile_is_shown(home, tmp_path):
    with Store(home) as store:
        fill(store)
        store.label("solo1234", notes="in the write-ahead log")
        assert (home / "homerun.db-wal").stat().st_size > 0
        ((code, out, _),) = ends(home, tmp_path, [["show", "solo1234"]])
    assert (code, "in the write-ahead log" in out) == (0, True)


def test_a_log_that_cannot_be_read_is_told_of(home, tmp_path):
    with Store(home) as store:
        end(store, store.add_run("solo1234", project="p", name="solo"))
        store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        store.label("solo1234", notes="in the write-ahead log")
        shutil.copytree(home, tmp_path / "copy")  # as a snapshot of a file system has it
    (tmp_path / "copy" / "homerun.db-shm").unlink()
    ((code, out, err),) = ends(tmp_path / "copy", tmp_path, [["ls"]])
    assert (code, "solo" in out, "may be behind" in err) == (0, True, True)


def test_a_home_that_cannot_be_entered_is_one_line(closed):
    closed.chmod(0)
    rootless = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"] if os.geteuid() == 0 else []
    done = subprocess.run([*rootless, HOMERUN, "ls"], capture_output=True, text=True, check=False)
    closed.chmod(0o700)
    assert done.returncode == 1
    said = f"homerun: the home {closed} cannot be read: Permission denied; set HOMERUN_HOME"
    assert done.stderr.startswith(said)


def test_tables_in_python(closed, tmp_path):
    program = (
        "import homerun as hr; print(len(hr.runs()), len(hr.history('1')), len(hr.Api().runs()))"
    )
    assert looked_at(closed, tmp_path, program).split() == ["9", "10", "9"]


def test_the_database_of_an_older_homerun_is_not_brought_up_to_date(closed, tmp_path):
    with Store(closed) as store:
        store.db.execute("PRAGMA user_version = 1")
    ((code, _, err),) = ends(closed, tmp_path, [["ls"]])
    assert (code, "of an older homerun" in err) == (1, True)
