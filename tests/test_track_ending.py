"""How runs end: by finish(), by leaving the with block, and whatever way a program exits."""

import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest

import homerun
from homerun.core import UsageError
from homerun.store import Store, fold, settle
from tests.track_program import call, only_run, points, start

INIT = "homerun.init(project='p', settings={'disable_git': True})"
HEAD = f"import homerun, os, sys, threading\nrun = {INIT}\nrun.log({{'a': 1}})\n"
WITH = f"import homerun, sys\nwith {INIT} as run:\n    run.log({{'a': 1}})\n    "

# Program, its return code; state, exit code, reason and a piece of the detail that are recorded.
ENDS = {
    "falls off the end": ("", 0, ("finished", 0, "", "")),
    "finish": ("run.finish()", 0, ("finished", 0, "", "")),
    "finish with a code": ("run.finish(3)", 0, ("failed", 3, "exit_code=3", "")),
    "finish twice": ("run.finish(); run.finish(1)", 0, ("finished", 0, "", "")),
    "module's finish": ("homerun.finish(exit_code=2)", 0, ("failed", 2, "exit_code=2", "")),
    "sys.exit()": ("sys.exit()", 0, ("finished", 0, "", "")),
    "sys.exit(0)": ("sys.exit(0)", 0, ("finished", 0, "", "")),
    "sys.exit(3)": ("sys.exit(3)", 3, ("failed", 3, "exited with code 3", "")),
    "sys.exit(text)": ("sys.exit('bad data')", 1, ("failed", 1, "bad data", "")),
    "exception": ("1 / 0", 1, ("failed", 1, "ZeroDivisionError: division by zero", "Traceback")),
    "Ctrl-C": ("raise KeyboardInterrupt", 130, ("killed", 130, "interrupted by the user", "")),
    "exit of a thread": (
        "t = threading.Thread(target=sys.exit, args=(3,)); t.start(); t.join()",
        0,
        ("finished", 0, "", ""),
    ),
    "kill -9": ("os.kill(os.getpid(), 9)", -9, ("crashed", None, "vanished", "")),
    "SIGTERM": ("os.kill(os.getpid(), 15)", -15, ("crashed", None, "vanished", "")),
    "os._exit": ("os._exit(3)", 3, ("crashed", None, "vanished", "")),
    "preempted": (
        "run.mark_preempting(); sys.exit(1)",
        1,
        ("preempted", 1, "being preempted", ""),
    ),
    "preempted in vain": ("run.mark_preempting()", 0, ("finished", 0, "", "")),
}
WITH_ENDS = {
    "nothing": ("pass", 0, ("finished", 0, "", "")),
    "exception": ("raise ValueError('no\\nsuch')", 1, ("failed", 1, "ValueError: no", "Traceback")),
    "own exception": ("class E(Exception): pass\n    raise E", 1, ("failed", 1, "E", "Traceback")),
    "SystemExit": ("raise SystemExit(4)", 4, ("failed", 4, "exited with code 4", "")),
    "SystemExit 0": ("raise SystemExit", 0, ("finished", 0, "", "")),
    "Ctrl-C": ("raise KeyboardInterrupt", 130, ("killed", 130, "interrupted", "")),
}


@pytest.mark.parametrize(
    ("code", "returncode", "end"),
    [
        *((HEAD + code, *rest) for code, *rest in ENDS.values()),
        *((WITH + code, *rest) for code, *rest in WITH_ENDS.values()),
    ],
    ids=[*ENDS, *(f"with: {name}" for name in WITH_ENDS)],
)
def test_every_end_is_recorded(home, code, returncode, end):
    if returncode == 130:
        returncode = -signal.SIGINT  # Python ends itself by the signal
    call(code, returncode=returncode)
    state, exit_code, reason, detail = end
    run = only_run(home)
    assert (run.state, run.exit_code) == (state, exit_code)
    assert reason in run.reason
    assert bool(reason) == bool(run.reason)
    with Store(home) as store:
        (recorded,) = store.row("SELECT detail FROM run")
    assert detail in recorded
    assert bool(detail) == bool(recorded)
    assert points(home, run.id, "a") == [(0, 1)]
    assert not list((home / "runs" / run.id).glob("journal*"))


def test_the_hooks_of_others_are_called(home):
    _, err = call(
        """
        import sys
        sys.excepthook = lambda *error: print("theirs", error[1], file=sys.stderr)
        import homerun
        homerun.init(project="p")
        raise ValueError("x")
        """,
        returncode=1,
    )
    assert "theirs x" in err
    assert only_run(home).reason == "ValueError: x"


def test_a_small_run_is_in_the_database_when_it_ends(home):
    with homerun.init(project="p") as run:
        run.log({"a": 1})
    with Store(home) as store:  # nobody settles it
        assert store.run(run.id).state == "finished"
        assert store.run(run.id).summary["a"] == 1
        assert store.row("SELECT open FROM run") == (0,)


def test_a_large_run_is_left_to_the_next_reader(home):
    with homerun.init(project="p", settings={"silent": True}) as run:
        for i in range(5000):
            run.log({"a": i, "text": "x" * 50})
    with Store(home) as store:
        assert store.run(run.id).state == "running"
        settle(store)
        assert store.run(run.id).state == "finished"
        assert store.run(run.id).summary["a"] == 4999


def test_no_reader_ever_sees_a_crash_that_was_none(home):
    """Runs end while others settle the home over and over."""
    code = (
        "import homerun\nfor _ in range(15):\n with homerun.init(project='p') as r: r.log({'a': 1})"
    )
    programs = [start(code, HOMERUN_SILENT="1") for _ in range(2)]
    seen = set()
    with Store(home) as store:
        while any(program.poll() is None for program in programs):
            settle(store)
            seen |= {run.state for run in store.runs()}
    for program in programs:
        _, err = program.communicate()
        assert program.returncode == 0, err
    with Store(home) as store:
        settle(store)
        assert [run.state for run in store.runs()] == ["finished"] * 30
        assert {run.summary["a"] for run in store.runs()} == {1}
    assert seen <= {"running", "finished"}


def test_the_end_says_where_the_run_is_and_can_be_silenced(home, capsys, monkeypatch):
    with homerun.init(project="p") as run:
        pass
    assert capsys.readouterr().err == (
        f"homerun: run {run.name} ({run.id}) finished; see {home / 'runs' / run.id}\n"
    )
    homerun.init(project="p").finish(quiet=True)
    homerun.init(project="p", settings=homerun.Settings(silent=True)).finish()
    monkeypatch.setenv("WANDB_SILENT", "true")
    homerun.init(project="p").finish()
    assert capsys.readouterr().err == ""


def test_a_supervised_run_leaves_its_end_to_the_supervisor(home, monkeypatch):
    with Store(home) as store:
        sweep = store.add_sweep({"method": "grid", "parameters": {}}, project="p")
        store.propose(sweep, [({"lr": 1}, 0)], cursor=1)
        run = store.claim(sweep.id, agent="")
        folder = store.folder(run.id).make()
    lock = folder.hold()
    assert lock is not None
    environ = {"HOMERUN_RUN_ID": run.id, "WANDB_DIR": str(folder.path)}
    _, err = call(WITH + "print('x')\n    raise ValueError('y')", returncode=1, **environ)
    assert "homerun:" not in err
    assert not folder.output.exists()
    with Store(home) as store:
        fold(store, run.id)
        assert store.run(run.id).state == "running"
        assert store.run(run.id).exit_code == 1
        (detail,) = store.row("SELECT detail FROM run")
        assert "ValueError: y" in detail
        assert store.run(run.id).summary["a"] == 1


def test_a_slow_git_does_not_hold_up_the_end(home, tmp_path):
    """A git that hangs is stopped after some seconds; here it hangs for a moment only."""
    (tmp_path / "bin").mkdir()
    git = tmp_path / "bin" / "git"
    git.write_text("#!/bin/sh\nsleep 0.3\n")
    git.chmod(0o755)
    (tmp_path / "work" / ".git").mkdir(parents=True)
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    code = "import homerun\nwith homerun.init(): pass"
    call(code, cwd=tmp_path / "work", PATH=path)
    assert only_run(home).state == "finished"


def test_alerts(home, capsys):
    with homerun.init(project="p") as run:
        run.alert("loss", "is NaN", level="warn", wait_duration=60)
        run.alert("loss", "is NaN", level=homerun.AlertLevel.WARN, wait_duration=60)
        run.alert("loss", "again", level="ERROR", wait_duration=timedelta(0))
        homerun.alert(title="done")
        with pytest.raises(UsageError, match="use one of INFO, WARN, ERROR"):
            run.alert("x", level="LOUD")
    with Store(home) as store:
        alerts = store.rows("SELECT title, text, level FROM alert ORDER BY time")
    assert alerts == [("loss", "is NaN", "WARN"), ("loss", "again", "ERROR"), ("done", "", "INFO")]
    assert "homerun: WARNING loss: is NaN" in capsys.readouterr().err


def test_a_closed_stderr_does_not_stop_the_program(home):
    call(HEAD + "sys.stderr.close(); homerun.termwarn('x'); run.finish()")
    subprocess.run(
        ["sh", "-c", f'exec {__import__("sys").executable} -c "$CODE" 2>&-'],
        env={**os.environ, "PYTHON": sys.executable, "CODE": HEAD},
        check=True,
    )
    with Store(home) as store:
        settle(store)
        assert [run.state for run in store.runs()] == ["finished"] * 2
