"""Output of several runs as one, why runs failed, and a run in the foreground."""

import json
import os
import re
import signal
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homerun.cli.follow import Lines, Log, clean
from homerun.core import End, RunState, SweepState
from homerun.store import Store
from tests.agent_home import gone
from tests.cli_call import attempt, call, running, until
from tests.cli_home import add_sweep, end, fill, hold, train


@pytest.fixture
def sweep(home):
    with Store(home) as store:
        found = fill(store)
        for run in store.runs(sweep=found.id):
            if run.state != RunState.PENDING:
                lines = f"begin {run.number}\n10%\r50%\r100%\nlast of {run.number}"
                store.folder(run.id).output.write_text(lines)
    return found


# Lines


def test_a_rewritten_line_is_shown_once_it_is_complete():
    lines = Lines()
    assert lines.feed(b"epoch 1\n\r10%", 0.0) == ["epoch 1"]
    assert lines.feed(b"\r20%", 1.0) == []
    assert lines.feed(b"\r30%", 20.0) == ["30%"]  # one that takes long is shown at times
    assert lines.feed(b"\r40%", 21.0) == []
    assert lines.feed(b"\r100%\nepoch 2", 22.0) == ["100%"]
    assert lines.feed(b"", 60.0) == []  # not complete, and no progress bar
    assert lines.flush() == ["epoch 2"]
    assert lines.flush() == []


def test_a_state_that_was_shown_is_not_shown_again():
    lines = Lines()
    assert lines.feed(b"\r90%", 0.0) == ["90%"]
    assert lines.feed(b"\ndone\n", 1.0) == ["done"]
    assert lines.feed(b"\r5%", 99.0) == ["5%"]
    assert lines.flush() == []


@given(pieces=st.lists(st.binary(max_size=9), max_size=12))
def test_lines_are_whole_however_they_come(pieces):
    lines = Lines()
    found = [line for piece in pieces for line in lines.feed(piece, -1.0)] + lines.flush()
    expected = [
        line.rstrip(b"\r").rpartition(b"\r")[2].decode(errors="replace")
        for line in b"".join(pieces).split(b"\n")
    ]
    assert found == (expected if expected[-1] else expected[:-1])


def test_a_line_without_end_does_not_fill_the_memory():
    lines = Lines()
    text = "".join("".join(lines.feed(b"x" * 30_000, -1.0)) for _ in range(10))
    assert len(text) >= 200_000


@given(st.text())
def test_a_line_cannot_move_the_cursor(text):
    assert not re.search(r"[^\t]", "".join(c for c in clean(text) if not c.isprintable()))


def test_colours_stay_where_there_are_any(monkeypatch):
    line = "\x1b[1;31mred\x1b[0m\x1b[2K\x1b]0;title\x07 end\x1b[A"
    assert clean(line) == "red end"
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert clean(line) == "\x1b[1;31mred\x1b[0m end\x1b[0m"


def test_a_log_is_read_as_it_grows(tmp_path):
    path = tmp_path / "output.log"
    log = Log(path, last=1)
    assert list(log.read(0.0)) == []
    path.write_bytes(b"one\ntwo\nthr")
    assert list(log.read(0.0)) == []
    with path.open("ab") as file:
        file.write(b"ee\nfour")
    assert list(log.read(0.0)) == ["three"]
    assert list(log.rest()) == ["four"]


# Several runs


def test_several_runs_stand_behind_their_numbers_and_names(sweep):
    shown = call("logs", "1", "3")
    with Store() as store:
        names = {number: store.run(str(number)).name for number in (1, 3)}
    width = max(map(len, names.values()))
    assert shown.stdout.splitlines() == [
        f"{number} {names[number]:{width}} │ {text}"
        for number in (1, 3)
        for text in (f"begin {number}", "100%", f"last of {number}")
    ]
    lines = call("logs", sweep.id, "-n", "1").stdout.splitlines()
    assert [line.partition(" │ ")[2] for line in lines] == [f"last of {n}" for n in range(1, 6)]
    assert len({line.index("│") for line in lines}) == 1


def test_one_run_stays_byte_by_byte(sweep):
    assert call("logs", "1", "1").stdout_bytes == b"begin 1\n10%\r50%\r100%\nlast of 1"


def test_runs_are_coloured_each_in_its_own_way(sweep, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    lines = call("logs", "1", "3", "-n", "1", color=True).stdout.splitlines()
    first, third = (line.partition("m")[0] for line in lines)
    assert first.startswith("\x1b[")
    assert first != third
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in call("logs", "1", "3", color=True).stdout


def test_words_that_make_no_sense(sweep):
    for arguments in ([], ["--errors", "-f"], ["1", "--json"]):
        done = attempt("logs", *arguments)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert attempt("logs", "nobody").returncode == 1
    assert "none of 3 runs has written" in call("logs", "6", "7", "8").stderr


def test_following_a_sweep_takes_in_runs_that_start_later(home):
    with Store(home) as store:
        sweep = add_sweep(store)
        first = train(store, sweep, error=0.1)
        lock = hold(store, first)
        store.folder(first.id).output.write_text("".join(f"early {n}\n" for n in range(20)))
        with running("logs", "-f", sweep.id) as follower:
            os.set_blocking(follower.stdout.fileno(), False)
            seen = []

            def shown(text):
                seen.append((follower.stdout.read() or b"").decode())
                return text in "".join(seen)

            until(lambda: shown("early 19\n"))
            assert "early 9\n" not in "".join(seen)  # the last ten lines are enough
            with store.folder(first.id).output.open("a") as file:
                file.write("later\n")
            until(lambda: shown("1 " + first.name + " │ later\n"))
            second = train(store, sweep, error=0.2)
            second_lock = hold(store, second)
            os.close(lock)
            end(store, first)
            until(lambda: shown("epoch 1"))
            end(store, second, RunState.FAILED, "exit code 1")
            os.close(second_lock)
            unwanted = End(state=RunState.KILLED, reason="not wanted", ended_at=1.0)
            store.withdraw({r.id: unwanted for r in store.runs(states=[RunState.PENDING])})
            store.set_sweep(sweep.id, SweepState.FINISHED)
            assert follower.wait(timeout=60) == 0
            errors = follower.stderr.read().decode()
    assert errors == "run 1 is finished\nrun 2 is failed: exit code 1\n"
    assert re.search(rf"^2 {second.name} +│ epoch 0$", "".join(seen), re.MULTILINE)


# Failures


def test_errors_show_why_and_the_last_lines(sweep):
    with Store() as store:
        name = store.run("3").name
        store.folder(store.run("3").id).output.write_text("".join(f"line {n}\n" for n in range(30)))
    shown = call("logs", "--errors", sweep.id).stdout.splitlines()
    assert shown[0] == f"3 {name} failed: exit code 1"
    assert shown[1:] == [f"    line {n}" for n in range(20, 30)]
    shown = call("logs", "--errors", "-n", "1", "state=failed").stdout.splitlines()
    assert shown == [f"3 {name} failed: exit code 1", "    line 29"]
    (failure,) = json.loads(call("logs", "--errors", "-n", "2", "--json").stdout)
    assert failure["reason"] == "exit code 1"
    assert failure["last_lines"] == ["line 28", "line 29"]
    assert "no run failed or crashed of 1 run" in call("logs", "--errors", "1").stderr


# In the foreground


@pytest.fixture
def program(home, tmp_path):
    """Start a run that writes 50 lines and waits for a file before it ends with code 7."""
    code = (
        "import pathlib, time\n"
        "print(*(f'line {n}' for n in range(50)), sep='\\n', flush=True)\n"
        f"while not pathlib.Path({str(tmp_path / 'go')!r}).exists(): time.sleep(0.02)\n"
        "print('bye'); raise SystemExit(7)\n"
    )
    with running("run", "--", sys.executable, "-c", code):
        until((home / "homerun.db").exists)
        with Store(home) as store:
            until(store.runs)
            run = store.runs()[0]
            log = store.folder(run.id).output
            until(lambda: log.exists() and "line 49" in log.read_text())
        yield run
        (tmp_path / "go").touch()
    gone(home)


def test_in_the_foreground_ctrl_c_leaves_the_run_alone(program, home, tmp_path, monkeypatch):
    monkeypatch.setenv("LINES", "11")
    with running("fg", str(program.number)) as foreground:
        assert foreground.stdout.read(80) == "".join(f"line {n}\n" for n in range(40, 50)).encode()
        foreground.send_signal(signal.SIGINT)
        _, errors = foreground.communicate(timeout=60)
        assert foreground.returncode == 0
    assert errors.decode().split("\n")[-2:] == [
        "run 1 goes on; back: homerun fg 1, end it: homerun kill 1",
        "",
    ]
    with Store(home) as store:
        assert store.run(program.id).state == RunState.RUNNING


def test_the_foreground_ends_with_the_exit_code_of_the_run(program, tmp_path):
    with running("fg", program.id, stdin=subprocess.DEVNULL) as foreground:
        foreground.stdout.read(10)
        (tmp_path / "go").touch()
        text, errors = foreground.communicate(timeout=60)
    assert foreground.returncode == 7
    assert text.endswith(b"bye\n")
    assert errors == b"run 1 is failed: exit code 7: bye\n"


def test_a_paused_run_goes_on_in_the_foreground(program, home, tmp_path):
    call("pause", program.id)
    with Store(home) as store:
        assert store.run(program.id).state == RunState.PAUSED
        with running("fg", program.id) as foreground:
            until(lambda: store.run(program.id).state == RunState.RUNNING)
            (tmp_path / "go").touch()
            assert foreground.wait(timeout=60) == 7


def test_what_waits_or_has_ended_in_the_foreground(sweep):
    done = attempt("fg", "1")
    assert (done.returncode, done.stdout) == (0, "begin 1\n10%\r50%\r100%\nlast of 1")
    assert attempt("fg", "3").returncode == 1
    assert attempt("fg", "4").returncode == 130
    with running("fg", "8") as foreground:
        assert b"waits for an agent" in foreground.stderr.readline()
        foreground.send_signal(signal.SIGINT)
        _, errors = foreground.communicate(timeout=60)
    assert b"run 8 stays in the queue; back: homerun fg 8" in errors
    assert foreground.returncode == 0
