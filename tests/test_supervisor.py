"""The supervisor: every way a program can end, told truly; its output; its strays."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from homerun.agent.order import Order
from homerun.agent.samples import Samples
from homerun.agent.signals import Signals
from homerun.agent.supervisor import CAUGHT, Supervisor
from homerun.agent.verdict import duration, oom_kills, verdict
from homerun.core import RunState
from homerun.store import Store, fold, is_alive, journal, parse_identity, read_json
from tests.agent_home import left_over, until

SLEEP = "import time; time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('on', flush=True)\n"


def python(code, *arguments):
    return [sys.executable, "-c", code, *arguments]


def order_of(runner, folder, argv, **options):
    home = str(runner.store.home)
    return Order(home=home, run_id=folder.path.name, argv=argv, **options)


def test_success_is_finished_and_measured(runner):
    code = "print('hello'); sum(i * i for i in range(300_000)); bytearray(80_000_000)"
    folder, end = runner.end(python(code))
    assert (end.state, end.reason, end.exit_code) == (RunState.FINISHED, "", 0)
    assert folder.output.read_text() == "hello\n"
    assert 0 < end.user_cpu_s < 10
    assert end.system_cpu_s >= 0
    assert 76 < end.memory_max_mib < 200
    assert 0 < end.runtime_s < 20
    assert abs(end.ended_at - time.time()) < 20


def test_exit_code_is_failed_with_the_last_line(runner):
    _, end = runner.end(python("print('epoch 1'); raise ValueError('lr must be positive')"))
    assert (end.state, end.exit_code) == (RunState.FAILED, 1)
    assert end.reason == "exit code 1: ValueError: lr must be positive"
    _, end = runner.end(["/bin/sh", "-c", "exit 3"])
    assert (end.state, end.reason, end.exit_code) == (RunState.FAILED, "exit code 3", 3)


def test_signal_is_crashed(runner):
    _, end = runner.end(python("import os; os.kill(os.getpid(), 11)"))
    assert (end.state, end.reason) == (RunState.CRASHED, "died of signal 11 (SIGSEGV)")
    assert end.exit_code is None
    _, end = runner.end(python("import os; os.kill(os.getpid(), 9)"))
    assert end.state == RunState.CRASHED
    assert end.reason.startswith("died of signal 9 (SIGKILL)")


def test_programs_that_cannot_be_started_say_why(runner, tmp_path):
    def refused(argv, **options):
        _, end = runner.end(argv, **options)
        assert end.state == RunState.FAILED
        return end.exit_code, end.reason

    script = tmp_path / "script"
    script.write_text("#!/no/such/python\n")
    assert refused(["no-such-program"]) == (
        127,
        "no-such-program was not started: there is no such program on the PATH",
    )
    assert refused(["./nothing"], cwd=str(tmp_path))[0] == 127
    code, reason = refused([script])
    assert (code, f"chmod +x {script}" in reason) == (126, True)
    script.chmod(0o755)
    code, reason = refused(["./script"], cwd=str(tmp_path))
    assert (code, "interpreter is missing" in reason) == (126, True)
    assert "#!/no/such/python" in reason
    script.write_text("print('no first line')\n")
    code, reason = refused([script])
    assert (code, "#!/usr/bin/env python3" in reason) == (126, True)
    code, reason = refused(["/bin/true"], cwd=str(tmp_path / "gone"))
    assert (code, str(tmp_path / "gone") in reason) == (126, True)
    assert refused(["/bin/echo", "a\0b"])[0] == 126
    assert refused(["/bin/echo", "x" * 3_000_000]) == (
        126,
        "/bin/echo was not started: its arguments and environment are too long for the system",
    )
    _, end = runner.end(["/bin/true"])  # the supervisor is none the worse
    assert end.state == RunState.FINISHED


def test_timeout_is_failed(runner):
    _, end = runner.end(python(SLEEP), timeout_s=0.3)
    assert (end.state, end.reason) == (RunState.FAILED, "timeout after 0.3s")
    assert 0.3 <= end.runtime_s < 20


def test_program_gets_a_grace_and_the_stubborn_one_is_killed(runner):
    code = "import signal, sys, time\n"
    code += "signal.signal(15, lambda *_: (print('saving'), sys.exit(5)))\n"
    folder, end = runner.end(python(code + "print('on', flush=True); time.sleep(60)"), timeout_s=4)
    assert (end.state, end.exit_code) == (RunState.FAILED, 5)
    assert folder.output.read_text() == "on\nsaving\n"
    started = time.monotonic()
    _, end = runner.end(python(STUBBORN + SLEEP), timeout_s=0.4, grace_s=0.3)
    assert end.reason == "timeout after 0.4s"
    assert time.monotonic() - started < 30


def test_sigterm_to_the_supervisor_kills_the_run_even_a_stopped_one(runner):
    folder, hand = runner.start(python(SLEEP))
    process = until(lambda: read_json(folder.path / "process.json"))
    program = parse_identity(process["program"])
    os.kill(program.pid, signal.SIGSTOP)
    os.kill(parse_identity(process["supervisor"]).pid, signal.SIGTERM)
    end = runner.wait(folder, hand)
    assert end.state == RunState.KILLED
    assert end.reason == "SIGTERM was sent to its supervisor"


def test_program_is_alone_in_its_session_with_plain_signals(runner):
    code = "import os, signal; print(os.getsid(0) == os.getpgrp() == os.getpid(),"
    code += "signal.getsignal(2).__name__, open('/proc/self/status').read().count("
    code += "'SigBlk:\\t0000000000000000'), os.read(0, 1), os.environ['PYTHONUNBUFFERED'])"
    folder, _ = runner.end(python(code))
    assert folder.output.read_text() == "True default_int_handler 1 b'' 1\n"
    folder, _ = runner.end(["/bin/sh", "-c", "yes | head -1"])  # SIGPIPE is not ignored
    assert folder.output.read_text() == "y\n"


def test_identity_is_told_while_it_runs(runner):
    folder, hand = runner.start(python(SLEEP), timeout_s=50)
    process = until(lambda: read_json(folder.path / "process.json"))
    program = parse_identity(process["program"])
    assert is_alive(program)
    assert is_alive(parse_identity(process["supervisor"]))
    assert (process["pgid"], process["timeout_s"]) == (program.pid, 50)
    assert abs(process["started_at"] - time.time()) < 20
    assert folder.is_held()
    assert folder.pipe.stat().st_mode & 0o777 == 0o600
    hand.signal(signal.SIGTERM)
    runner.wait(folder, hand)
    assert not folder.pipe.exists()
    assert not folder.is_held()


def test_what_a_program_leaves_behind_is_ended(runner):
    code = "import subprocess, sys\n"
    code += f"subprocess.Popen([sys.executable, '-c', {STUBBORN + SLEEP!r}],"
    code += "start_new_session=True, stdout=subprocess.PIPE).stdout.readline()"
    _, end = runner.end(python(code))
    assert end.state == RunState.FINISHED
    assert not [pid for pid in left_over(runner.store.home) if _is_ours(pid, b"SIG_IGN")]


def _is_ours(pid, text):
    try:
        return text in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def test_stray_that_writes_for_ever_is_ended(runner):
    started = time.monotonic()
    _, end = runner.end(["/bin/sh", "-c", "yes & sleep 0.1"])
    assert end.state == RunState.FINISHED
    assert time.monotonic() - started < 30


def test_output_of_any_kind_is_kept(runner):
    folder, end = runner.end(python("import sys; sys.stdout.write('x' * 5_000_000)"))
    assert end.state == RunState.FINISHED
    assert folder.output.stat().st_size == 5_000_000
    every = bytes(set(range(256)) - {13}) * 999
    folder, _ = runner.end(
        python(f"import os; os.write(1, {bytes(set(range(256)) - {13})!r} * 999)")
    )
    assert folder.output.read_bytes() == every
    folder, _ = runner.end(["/bin/sh", "-c", "echo out; echo err >&2; printf unfinished"])
    assert folder.output.read_bytes() == b"out\nerr\nunfinished"
    assert folder.output.stat().st_mode & 0o777 == 0o600


def test_secrets_never_reach_the_log(runner):
    folder, _ = runner.end(python("print('api_key=sk-' + 'a1' * 20)"))
    assert "a1a1" not in folder.output.read_text()
    assert "redacted" in folder.output.read_text()


def test_progress_bar_is_thinned_out(runner):
    code = "import sys, time\nfor i in range(3001):\n    sys.stdout.write(f'\\rstep {i}')\n"
    folder, _ = runner.end(python(code + "    time.sleep(0.0002)\nprint('\\ndone')"))
    text = folder.output.read_text()
    assert text.endswith("step 3000\ndone\n")
    assert len(text) < 500


def test_supervisor_is_used_again(runner):
    pids = set()
    for _ in range(3):
        folder, _ = runner.end(["/bin/true"])
        pids.add(read_json(folder.path / "process.json")["supervisor"])
    assert len(pids) == 1


def test_run_that_has_ended_is_not_run_again(runner, tmp_path):
    folder, end = runner.end(["/bin/sh", "-c", "echo once >> seen"], cwd=str(tmp_path))
    again = ["/bin/sh", "-c", "echo twice >> seen"]
    hand = runner.hands.launch(order_of(runner, folder, again, cwd=str(tmp_path)))
    until(hand.is_over)
    runner.hands.take_back(hand)
    assert folder.read_result() == end
    assert (tmp_path / "seen").read_text() == "once\n"


def test_clock_that_jumps_changes_no_duration(runner, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # a supervisor in this process goes to another folder
    walls = iter([1e9, 5e8, 2e9, 1e8, 3e9])
    folder = runner.store.folder("jumps").make()
    order = order_of(runner, folder, ["/bin/sleep", "0.2"], timeout_s=30)
    signals = Signals(CAUGHT)
    try:
        end = Supervisor(order, folder, signals, wall=lambda: next(walls)).run()
    finally:
        signals.close()
    assert end.state == RunState.FINISHED
    assert 0.2 <= end.runtime_s < 10
    assert end.ended_at == 5e8


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.5, "0.5s"), (45, "45s"), (90, "1m30s"), (1800, "30m"), (5400, "1h30m")]
)
def test_durations_are_written_as_people_do(seconds, text):
    assert duration(seconds) == text


def test_out_of_memory_is_failed():
    state, reason, code, memory = verdict(9, was_out_of_memory=lambda: True)
    assert (state, code, memory) == (RunState.FAILED, None, "host")
    assert reason.startswith("out of memory: the kernel killed it")
    _, reason, code, memory = verdict(137 << 8, last_lines="Killed", was_out_of_memory=lambda: True)
    assert (code, memory) == (137, "host")
    assert "out of memory" in reason


def test_kernel_is_asked_for_its_oom_kills(tmp_path):
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("1:memory:/x\n0::/user.slice/a\n")
    (tmp_path / "proc/vmstat").write_text("nr_free 1\noom_kill 7\nswap 2\n")
    assert oom_kills(f"{tmp_path}/") == 7
    group = tmp_path / "sys/fs/cgroup/user.slice/a"
    group.mkdir(parents=True)
    (group / "memory.events").write_text("low 0\noom 1\noom_kill 3\n")
    assert oom_kills(f"{tmp_path}/") == 3
    assert oom_kills(f"{tmp_path}/none/") is None
    assert oom_kills() is not None


def test_samples_go_into_a_journal_of_their_own(home):
    with Store(home) as store:
        run = store.add_run("sampled", project="tests")
        folder = store.folder(run.id).make()
        writer = journal.open_writer(folder.path)  # the program's
        now = time.monotonic()
        samples = Samples(folder, pid=os.getpid(), started=now - 10)
        samples.take(now)  # not yet
        for _ in range(2):
            samples.take(samples.due_at)
        samples.close()
        writer.close()
        assert len(journal.journal_paths(folder.path)) == 2
        fold(store, run.id)
        rows = store.rows(
            "SELECT step, value FROM history WHERE key = 'system.proc.memory.rssMB' ORDER BY step"
        )
    assert [step for step, _ in rows] == [3, 4]
    assert all(5 < value < 5000 for _, value in rows)


def test_supervisor_that_was_killed_while_idle_is_replaced(runner):
    folder, _ = runner.end(["/bin/true"])
    supervisor = parse_identity(read_json(folder.path / "process.json")["supervisor"])
    os.kill(supervisor.pid, signal.SIGKILL)
    until(lambda: not is_alive(supervisor))
    _, end = runner.end(["/bin/true"])
    assert end.state == RunState.FINISHED
