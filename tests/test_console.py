"""Printed text reaches output.log, redacted, and printing works as before."""

import contextlib
import io
import logging
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from homerun.track.console import Console


@pytest.fixture
def log(tmp_path):
    return tmp_path / "output.log"


def run(code, **options):
    argv = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(argv, check=False, capture_output=True, text=True, **options)


def test_what_is_printed_is_copied_and_redacted(log, capsys):
    console = Console(log)
    print("hello", 3)
    print("api_key=abc", file=sys.stderr)
    sys.stdout.writelines(["a\n", "b\n"])
    sys.stdout.write("no line end é")
    console.close()
    print("after")
    text = log.read_text()
    assert text.startswith("hello 3\napi_key=<redacted:")
    assert text.endswith("a\nb\nno line end é")
    assert "abc" not in text
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert console.lost == 0


def test_text_that_no_encoding_can_hold(log):
    with contextlib.redirect_stdout(io.StringIO()):
        console = Console(log)
        print("half a \ud800 pair")
        console.close()
    assert log.read_text() == "half a \\ud800 pair\n"


def test_streams_keep_all_else(log):
    before = {
        name: getattr(sys.stdout, name) for name in ("encoding", "errors", "fileno", "isatty")
    }
    stream, write = sys.stdout, sys.stdout.write
    console = Console(log)
    assert sys.stdout is stream
    assert {name: getattr(sys.stdout, name) for name in before} == before
    assert sys.stdout.write("four") == 4
    with pytest.raises(TypeError):
        sys.stdout.write(4)
    console.close()
    assert sys.stdout.write == write
    assert "write" not in vars(sys.stdout)
    assert log.read_text() == "four"


def test_handlers_made_before_are_copied(log):
    stream = io.StringIO()
    with contextlib.redirect_stderr(stream):
        handler = logging.StreamHandler()
        console = Console(log)
        handler.emit(logging.makeLogRecord({"msg": "from the log"}))
        console.close()
    assert log.read_text() == stream.getvalue() == "from the log\n"


def test_one_stream_for_both_is_copied_once(log):
    both = io.StringIO()
    with contextlib.redirect_stdout(both), contextlib.redirect_stderr(both):
        console = Console(log)
        print("once")
        console.close()
    assert log.read_text() == "once\n"


def test_a_stream_put_in_place_later_is_left_alone(log):
    console = Console(log)
    with contextlib.redirect_stdout(io.StringIO()) as other:
        print("elsewhere")
        console.close()
        assert sys.stdout is other
    assert other.getvalue() == "elsewhere\n"
    assert log.read_text() == ""


def test_two_runs_one_after_and_inside_the_other(tmp_path):
    stream = io.StringIO()
    with contextlib.redirect_stdout(stream):
        first = Console(tmp_path / "1")
        print("a")
        second = Console(tmp_path / "2")
        print("b")
        first.close()
        print("c")
        second.close()
        print("d")
        first.close()
    assert (tmp_path / "1").read_text() == "a\nb\n"
    assert (tmp_path / "2").read_text() == "b\nc\n"
    assert stream.getvalue() == "a\nb\nc\nd\n"


def test_an_earlier_replacement_of_write_is_restored(log):
    seen: list[str] = []
    stream = io.StringIO()
    stream.write = seen.append
    with contextlib.redirect_stdout(stream):
        console = Console(log)
        sys.stdout.write("x")
        console.close()
        sys.stdout.write("y")
    assert seen == ["x", "y"]
    assert log.read_text() == "x"


def test_a_log_that_cannot_be_written_never_stops_the_program(tmp_path, log):
    nowhere = Console(tmp_path / "missing" / "output.log")
    print("still here")
    nowhere.close()
    assert nowhere.lost == 1
    full = Console(Path("/dev/full"))
    print("still here")
    full.close()
    assert full.lost >= 1


def test_a_broken_terminal_still_gives_a_log(log):
    class Broken(io.StringIO):
        def write(self, text):
            raise BrokenPipeError(32, "Broken pipe")

    with contextlib.redirect_stdout(Broken()):
        console = Console(log)
        with pytest.raises(BrokenPipeError):
            sys.stdout.write("lost on the screen\n")
        console.close()
    assert log.read_text() == "lost on the screen\n"


def test_threads_lose_and_mix_nothing(log):
    stream = io.StringIO()
    with contextlib.redirect_stdout(stream):
        console = Console(log)
        threads = [
            threading.Thread(
                target=lambda n=n: [sys.stdout.write(f"{n}:{i}\n") for i in range(300)]
            )
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        console.close()
    expected = sorted(f"{n}:{i}" for n in range(8) for i in range(300))
    assert sorted(log.read_text().splitlines()) == expected


def test_a_fork_while_another_thread_prints(log):
    code = f"""
import os, pathlib, sys, threading
from homerun.track.console import Console
console = Console(pathlib.Path({str(log)!r}))
done = threading.Event()
def chatter():
    while not done.is_set():
        print("parent chatter")
thread = threading.Thread(target=chatter)
thread.start()
print("unfinished api_", end="")
children = []
for i in range(20):
    pid = os.fork()
    if pid == 0:
        print(f"child {{i}}")
        os._exit(0)
    children.append(pid)
codes = [os.waitpid(pid, 0)[1] for pid in children]
done.set()
thread.join()
console.close()
sys.exit(any(codes))
"""
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    with log.with_name("screen").open("w") as screen:
        subprocess.run(
            [sys.executable, "-c", code], stdout=screen, check=True, timeout=60, env=environment
        )
    text = log.read_text()
    assert all(f"child {i}\n" in text for i in range(20))
    assert text.count("unfinished") == 1


def test_output_survives_kill_9(log):
    code = f"""
import os, pathlib, signal
from homerun.track.console import Console
Console(pathlib.Path({str(log)!r}))
print("last words")
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert run(code).returncode == -9
    assert log.read_text() == "last words\n"


def test_a_signal_handler_may_print_while_printing(log):
    code = f"""
import os, pathlib, signal, sys
from homerun.track.console import Console
class Text(str):
    def __contains__(self, part):
        os.kill(os.getpid(), signal.SIGUSR1)
        return str.__contains__(self, part)
console = Console(pathlib.Path({str(log)!r}))
signal.signal(signal.SIGUSR1, lambda *_: print("handled"))
sys.stdout.write(Text("now\\n"))
console.close()
"""
    done = run(code, timeout=60)
    assert done.returncode == 0, done.stderr
    assert sorted(log.read_text().split()) == ["handled", "now"]


def test_a_program_without_streams(log):
    code = f"""
import pathlib, sys
sys.stdout = sys.stderr = None
from homerun.track.console import Console
Console(pathlib.Path({str(log)!r})).close()
"""
    assert run(code).returncode == 0
    assert log.read_text() == ""
