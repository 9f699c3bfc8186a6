"""`homerun watch`: in a real terminal with a sweep under it, as lines, as JSON, and how it ends."""

import contextlib
import json
import os
import queue
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from homerun.core import RunState, SweepState
from homerun.store import Store, add_agent, add_to_queue, identity, remove_agent
from tests.cli_call import HOMERUN, attempt, environment, running, start, until
from tests.cli_home import add_sweep, end, fill, hold, train
from tests.fake_gpus import FakeGpus

WATCH = f"{HOMERUN} watch --refresh 0.2"
SWEEP = """\
method: grid
project: toy
name: toys
command: ["${interpreter}", program.py, "${args_no_hyphens}"]
metric: {name: loss, goal: minimize}
parameters:
  a: {values: [1, 2, 3]}
"""
PROGRAM = """\
import os, sys, time
import homerun
run = homerun.init()
name = sys.argv[1]
for step in range(30):
    run.log({"loss": int(name[2:]) / (step + 1)})
print("begun", flush=True)
while not os.path.exists(name):
    time.sleep(0.02)
if os.path.getsize(name):
    sys.exit("no such luck")
"""


@pytest.fixture
def sweep(home, tmp_path):
    """Return the id of a sweep of three runs, which wait for a file named a=1 and so on."""
    (tmp_path / "sweep.yaml").write_text(SWEEP)
    (tmp_path / "program.py").write_text(PROGRAM)
    done = start("sweep", "sweep.yaml", cwd=tmp_path, env=environment())
    return re.search(r"homerun agent (\w+)", done.stderr + done.stdout)[1]


@contextlib.contextmanager
def agent(sweep, folder, *, slots=2):
    """Have an agent at work; it and its runs do not outlive the test."""
    with running("agent", sweep, "--slots", str(slots), cwd=folder, env=environment()) as process:
        try:
            yield process
        finally:
            for value in (1, 2, 3):
                (folder / f"a={value}").touch()
            process.wait(timeout=60)


class Watching:
    """A `homerun watch` whose lines are read as they come, and never waited for without end."""

    def __init__(self, process):
        self.process = process
        self._lines = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def line(self):
        """Return the next line, empty at the end."""
        return self._lines.get(timeout=60)

    def until(self, text):
        """Return the lines up to the one with a text."""
        lines = [self.line()]
        while text not in lines[-1]:
            assert lines[-1], lines
            lines.append(self.line())
        return lines

    def end(self):
        """Return the exit code and all lines that were left."""
        code = self.process.wait(timeout=60)
        return code, "".join(iter(self.line, ""))

    def close(self):
        """End it; nobody reads from it any more."""
        self.process.kill()
        self._reader.join()


@contextlib.contextmanager
def watching(*arguments):
    with (
        running("watch", "--refresh=0.2", *arguments, text=True) as process,
        contextlib.closing(Watching(process)) as watch,
    ):
        yield watch


def lines_of(text):
    """Return lines of events without their times."""
    return [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in text.splitlines()]


# On a terminal


@pytest.mark.parametrize(("width", "height", "color"), [(80, 24, ""), (200, 50, "NO_COLOR=1 ")])
def test_watch_shows_a_sweep_in_place(terminal, sweep, tmp_path, width, height, color):
    terminal.resize(width, height)
    terminal.type(f"clear; echo above; {color}{WATCH} {sweep}; echo code $?")
    terminal.shows(f"no agent works on it: homerun agent {sweep}")
    with agent(sweep, tmp_path):
        terminal.shows("2 running  1 queued")
        screen = until(lambda: "▁  a=1" in terminal.screen() and terminal.screen())
        assert screen.count("toy > toys") == 1
        assert re.search(r"^ ─+  0 of 3 done  2 running  1 queued$", screen, re.MULTILINE)
        assert re.search(r"^  1 +\d+s +0\.0333  █[▁-█]+  a=1$", screen, re.MULTILINE), screen
        assert ("\x1b[36m" in terminal.screen("-e")) == (not color)
        (tmp_path / "a=2").write_text("fails")
        screen = terminal.shows("FAILED  1")
        assert re.search(r"^  2 +now  .*exit code 1: no such luck$", screen, re.MULTILINE)
        (tmp_path / "a=1").touch()
        terminal.shows("best loss 0.03333 by run 1 (a=1)")
        (tmp_path / "a=3").touch()
        screen = terminal.shows("\ncode 1")
    assert screen.startswith("above\n homerun")
    assert re.search(r"^ ━+  3 of 3 done  1 failed$", screen, re.MULTILINE)
    assert "RUNNING  0  the sweep is finished" in screen
    assert f"\nnext: homerun ls {sweep}\ncode 1" in screen
    assert screen.count("of 3 done") == 1
    assert terminal.flag("cursor_flag") == "1"
    assert terminal.flag("alternate_on") == "0"


def test_watch_survives_another_size_of_the_window(terminal, home):
    with Store(home) as store:
        fill(store)
        terminal.type(f"clear; echo above; {WATCH}; echo code $?")
        terminal.shows("4 of 8 done")
        for width, height in ((50, 24), (120, 40), (80, 24)):
            terminal.resize(width, height)
            fits = range(width - 20, width)
            until(lambda fits=fits: shown_width(terminal) in fits)
            assert terminal.screen().count("4 of 8 done") == 1
            assert terminal.screen().count("FAILED") == 1
        terminal.resize(12, 3)
        until(lambda: shown_width(terminal) < 12)
        terminal.resize(80, 24)
        until(lambda: re.search(r"^ ━+─+  4 of 8 done.*failed$", terminal.screen(), re.MULTILINE))
        assert "best error_rate" in terminal.screen().splitlines()[-1]
        history = terminal.tmux("capture-pane", "-p", "-S", "-")
        assert "above\n" in history  # what was above it is still there
        terminal.press("C-c")
        terminal.shows("code 130")


def shown_width(terminal):
    """Return the width of the longest line on the screen below the command."""
    return max(map(len, terminal.screen().splitlines()[1:]), default=0)


def test_only_what_changes_is_written(home, tmp_path):
    with Store(home) as store:
        add_sweep(store)
        script = f"{WATCH}; exit"
        with subprocess.Popen(
            ["script", "-qfc", script, str(tmp_path / "typescript")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={**environment(), "TERM": "xterm"},
            start_new_session=True,
        ) as process:
            typed = tmp_path / "typescript"
            until(lambda: typed.exists() and "no agent works" in typed.read_text())
            before = typed.read_text()
            assert "\x1b[?25l" not in before  # the cursor is never hidden
            assert "\x1b[?1049h" not in before
            agent_ = add_agent(store, str(identity()), serves="", slots=3)
            until(lambda: "in 3 slots of 1 agent" in typed.read_text())
            written = typed.read_text()[len(before) :]
            assert "0 of 8 done" not in written.replace("8 queued", "")
            remove_agent(store, agent_.id)
            os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_death_of_watch_leaves_a_clean_terminal(terminal, home, how):
    with Store(home) as store:
        fill(store)
        terminal.type(f"clear; sh -c 'echo $$ > pid; exec {WATCH}'; echo code $?")
        terminal.shows("4 of 8 done")
        os.kill(int((home.parent / "pid").read_text()), how)
        screen = terminal.shows(f"code {128 + how}")
    assert "4 of 8 done" in screen
    assert terminal.flag("cursor_flag") == "1"
    terminal.type("stty -a | grep -c ' echo '")
    terminal.shows("\n1\n")


def test_ctrl_c_leaves_and_enter_and_ctrl_z_do_no_harm(terminal, home):
    with Store(home) as store:
        fill(store)
        terminal.type(f"clear; {WATCH}; echo code $?")
        terminal.shows("4 of 8 done")
        terminal.press("Enter")
        until(lambda: terminal.screen().count("4 of 8 done") == 2)
        terminal.press("C-z")
        terminal.shows("Stopped")
        terminal.type("clear; fg; echo code $?")
        terminal.shows("4 of 8 done")
        terminal.press("C-c")
        terminal.shows("code 130")
        assert store.run("5").state == RunState.RUNNING


def test_watch_shows_the_gpus_in_a_line_each(terminal, home, tmp_path):
    fake = FakeGpus(tmp_path / "driver", count=2)
    fake.set(1, used_mib=40960, power_w=310, temperature_c=71, utilization=97)
    with Store(home) as store:
        fill(store)
        hardware = " ".join(f"{name}={value}" for name, value in fake.env.items())
        terminal.type(f"clear; {hardware} {WATCH}")
        screen = terminal.shows("4 of 8 done")
        used = r"^  1  ━{6}─{6}  40.0 of 80 GiB   97%  310 of 400 W"
        assert re.search(used, screen, re.MULTILINE), screen
        assert re.search(r"^  0  ─{12} .* free$", screen, re.MULTILINE), screen


# In a pipe


def test_a_line_for_each_event(sweep, tmp_path):
    with watching(sweep) as watch:
        lines = watch.until("no agent works on it")
        with agent(sweep, tmp_path):
            lines += watch.until("run 2 started, a=2")
            (tmp_path / "a=2").touch()
            lines += watch.until("run 2 finished")
            (tmp_path / "a=1").touch()
            lines += watch.until("run 1 finished")
            (tmp_path / "a=3").write_text("fails")
            code, rest = watch.end()
    assert code == 1
    lines += rest.splitlines(keepends=True)
    assert all(re.match(r"\d\d:\d\d:\d\d ", line) for line in lines)
    told = lines_of("".join(lines))
    assert told[0] == f"toy > toys ({sweep}): 0 of 3 done"
    assert {"run 1 started, a=1", "run 2 started, a=2", "run 3 started, a=3"} <= set(told)
    ended = [line for line in told if re.match(r"run \d (finished|failed)", line)]
    assert re.match(r"run 2 finished in \S+, loss 0.06667, 1 of 3 done", ended[0])
    assert re.match(r"run 3 failed in \S+, exit code 1: no such luck, 3 of 3 done, 1", ended[2])
    bests = [line for line in told if line.startswith("best ")]
    assert bests == ["best loss 0.06667 by run 2 (a=2)", "best loss 0.03333 by run 1 (a=1)"]
    assert f"toy > toys ({sweep}) is finished" in told
    assert told[-1].startswith(f"toy > toys ({sweep}): 3 of 3 done, 1 failed, best loss 0.03333")


def test_json_has_an_object_for_each_event(home):
    with Store(home) as store:
        sweep = add_sweep(store)
        first = train(store, sweep, error=0.5)
        held = hold(store, first)
        with watching("--json") as watch:
            begin = json.loads(watch.line())
            assert begin["event"] == "begin"
            (seen,) = begin["sweeps"]
            assert (seen["id"], seen["done"], seen["planned"]) == (sweep.id, 0, 8)
            os.close(held)
            end(store, first)
            ended = json.loads(watch.line())
            assert (ended["event"], ended["number"], ended["state"]) == ("run", 1, "finished")
            assert ended["config"]["dataset"] == "digits"
            assert ended["value"] == pytest.approx(0.52)
            best = json.loads(watch.line())
            assert (best["event"], best["run"], best["value"]) == ("best", 1, ended["value"])
            assert json.loads(watch.line())["event"] == "agent"  # now nothing runs
            store.set_sweep(sweep.id, SweepState.PAUSED, "5 failures in a row")
            paused = json.loads(watch.line())
            assert (paused["event"], paused["state"]) == ("sweep", "paused")
            watch.process.send_signal(signal.SIGINT)
            assert watch.end()[0] == 130


# How it ends


def test_it_leaves_at_once_where_nothing_is_left(home):
    Store(home).close()
    done = attempt("watch")
    assert done.returncode == 0
    assert lines_of(done.stdout) == ["nothing is left to run"]
    with Store(home) as store:
        sweep = add_sweep(store)
        for _ in range(8):
            end(store, train(store, sweep, error=0.5))
    assert attempt("watch", sweep.id).returncode == 0
    with Store(home) as store:
        run = add_to_queue(store, ["false"], project="p", cwd="/")
        start("agent", cwd=home.parent, env=environment())
        assert store.run(run.id).state == RunState.FAILED
    assert attempt("watch", sweep.id).returncode == 0
    done = attempt("watch", run.number)
    assert done.returncode == 1
    assert f"run {run.number} is failed: exit code 1" in done.stdout


def test_what_was_tried_again_and_did_well_is_no_failure(home):
    with Store(home) as store:
        sweep = add_sweep(store)
        end(store, train(store, sweep, error=0.5), RunState.FAILED, "exit code 1")
        for _ in range(7):
            end(store, train(store, sweep, error=0.5))
        assert attempt("watch", sweep.id).returncode == 1
        assert attempt("retry", store.run("1").id).returncode == 0
        end(store, train(store, sweep, error=0.5))
        assert attempt("watch", sweep.id).returncode == 0


def test_the_first_failure_ends_it_where_that_is_wanted(sweep, tmp_path):
    with agent(sweep, tmp_path), watching(sweep, "--exit-on-failure") as watch:
        (tmp_path / "a=2").write_text("fails")
        code, said = watch.end()
        assert code == 1
        assert "run 2 failed" in said
        with Store() as store:
            assert store.run("1").state == RunState.RUNNING


def test_a_run_is_followed_to_its_end(sweep, tmp_path):
    with agent(sweep, tmp_path):
        until(lambda: start("show", "1").returncode == 0)
        with watching("1") as watch:
            assert "run 1 (toy > " in watch.line()
            (tmp_path / "a=2").touch()
            (tmp_path / "a=1").touch()
            code, said = watch.end()
    assert code == 0
    assert "run 2" not in said
    assert re.search(r"run 1 finished in .*\n.* run 1 is finished\n$", said)


def test_of_a_home_what_goes_on_is_followed_and_not_what_stands_still(home):
    with Store(home) as store:
        add_sweep(store, name="old")
        new = add_sweep(store, name="new")
        runs = [train(store, new, error=0.5) for _ in range(8)]
        locks = [hold(store, run) for run in runs]
        with watching() as watch:
            assert "digits > new" in watch.line()
            for run, lock in zip(runs, locks, strict=True):
                os.close(lock)
                end(store, run)
            code, said = watch.end()
        assert code == 0
        assert "old" not in said


def test_a_home_that_vanishes_is_one_line(home):
    with Store(home) as store:
        add_sweep(store)
    with watching() as watch:
        watch.line()
        shutil.rmtree(home)
        assert watch.end()[0] == 1
        assert "was removed while it was watched" in watch.process.stderr.read()
    done = attempt("watch")
    assert done.returncode == 1
    assert "there is no home" in done.stderr


def test_a_home_that_is_locked_is_one_line_and_it_goes_on(home):
    with Store(home) as store:
        run = train(store, add_sweep(store), error=0.5)
        held = hold(store, run)
        with watching() as watch:
            assert "0 of 8 done" in watch.line()
            with contextlib.closing(sqlite3.connect(home / "homerun.db")) as db:
                db.execute("BEGIN IMMEDIATE")
                os.close(held)  # the run has vanished, and that cannot be written down
                assert "database is locked by another program" in watch.line()
            assert "run 1 crashed, vanished without an exit code" in watch.line()


def test_whoever_reads_it_may_leave(home):
    with Store(home) as store:
        add_sweep(store)
    with running("watch") as process:
        process.stdout.readline()
        process.stdout.close()
        process.wait(timeout=60)


def test_watching_is_light(home):
    with Store(home) as store:
        fill(store)
        with watching() as watch:
            watch.line()
            before, begun = cpu_s(watch.process.pid), time.monotonic()
            time.sleep(3)
            assert cpu_s(watch.process.pid) - before < 0.05 * (time.monotonic() - begun)


def cpu_s(pid):
    """Return the CPU time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_watch_does_not_load_textual_and_explains_itself():
    code = "import sys; from homerun.cli import execute; execute(sys.argv[1:]); "
    code += "sys.exit(bool({'textual', 'pandas', 'rich.console'} & set(sys.modules)))"
    command = [sys.executable, "-c", code, "watch", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "ssh gpu1 homerun watch" in done.stdout
