"""Folders of scripts: what fastgpu does with them, without its faults; no script is ever lost."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homerun.agent.gpu_locks import GpuLocks
from homerun.agent.order import Order
from homerun.agent.scripts import ScriptFolder, exit_text, script_env
from homerun.core import End, RunState, StoreError, UsageError
from homerun.store import parse_identity, read_json
from tests.agent_home import until

FOLDERS = ("to_run", "running", "complete", "fail")
SUCCEEDS = "#!/bin/sh\necho $FASTGPU_ID\n"


@pytest.fixture
def folder(tmp_path):
    with closing(ScriptFolder(tmp_path / "scripts")) as folder:
        yield folder


def put(folder, name, text=SUCCEEDS, mode=0o755):
    """Write a script to to_run/ and return its path."""
    path = folder.path / "to_run" / name
    path.write_text(text)
    path.chmod(mode)
    return path


def tree(path):
    """Return what lies in a folder: path, and the text of a file or the target of a link."""
    return {
        str(entry.relative_to(path)): (
            f"-> {entry.readlink()}" if entry.is_symlink() else entry.read_text()
        )
        for entry in sorted(path.rglob("*"))
        if (entry.is_symlink() or entry.is_file()) and entry.name[0] != "."
    }


# The folders


def test_folders_are_made_as_the_umask_says(tmp_path):
    before = os.umask(0o027)
    try:
        with closing(ScriptFolder(tmp_path / "deep" / "down")) as folder:
            found = sorted(entry.name for entry in folder.path.iterdir())
            assert found == [".homerun.lock", "complete", "fail", "out", "running", "to_run"]
            assert (folder.path / "out").stat().st_mode & 0o777 == 0o750
            assert (folder.path / ".homerun.lock").stat().st_mode & 0o777 == 0o640
    finally:
        os.umask(before)


def test_second_homerun_is_told_who_has_the_folder(folder):
    with pytest.raises(UsageError, match=f"by process {os.getpid()} already"):
        ScriptFolder(folder.path)


def test_folder_of_a_dead_homerun_is_free(tmp_path):
    code = "import sys, time; from pathlib import Path; from homerun.agent import scripts\n"
    code += "held = scripts.ScriptFolder(Path(sys.argv[1])); print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        with pytest.raises(UsageError, match=f"by process {other.pid} already"):
            ScriptFolder(tmp_path)
        other.kill()
    ScriptFolder(tmp_path).close()


def test_folder_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"file.* cannot be used: Not a directory"):
        ScriptFolder(tmp_path / "file")


def test_folder_that_vanishes_is_named(folder):
    (folder.path / "to_run").rmdir()
    with pytest.raises(StoreError, match="to_run cannot be used: No such file"):
        folder.waiting()


# Scripts


def test_files_wait_in_sorted_order(folder):
    for name in ("b.sh", "a.sh", "B.sh", "10", "9", ".a.sh.swp"):
        put(folder, name)
    (folder.path / "to_run" / "archive").mkdir()
    for name, target in (("c.sh", "a.sh"), ("d.sh", "archive"), ("e.sh", "gone"), ("f", "f")):
        (folder.path / "to_run" / name).symlink_to(target)
    assert folder.waiting() == ["10", "9", "B.sh", "a.sh", "b.sh", "c.sh"]


def test_script_goes_its_way(folder):
    put(folder, "a.sh", "one")
    put(folder, "b.sh", "two")
    assert [folder.begin(name, "r1") for name in folder.waiting()] == ["a.sh", "b.sh"]
    assert tree(folder.path) == {"running/a.sh": "one", "running/b.sh": "two"}
    for path, text in zip(folder.outputs("a.sh"), ("said", ""), strict=True):
        path.write_text(text)
    folder.finish("a.sh", exit_text="0", ok=True)
    folder.finish("b.sh", exit_text="-9", ok=False)
    expected = {
        "complete/a.sh": "one",
        "fail/b.sh": "two",
        "out/a.sh.exitcode": "0",
        "out/a.sh.stderr": "",
        "out/a.sh.stdout": "said",
        "out/b.sh.exitcode": "-9",
        "out/b.sh.stderr": "",
        "out/b.sh.stdout": "",
    }
    assert tree(folder.path) == expected
    folder.finish("b.sh", exit_text="-9", ok=False)
    assert tree(folder.path) == expected


def test_links_are_moved_as_links(folder, tmp_path):
    (tmp_path / "kept.sh").write_text(SUCCEEDS)
    (folder.path / "to_run" / "a.sh").symlink_to(tmp_path / "kept.sh")
    folder.begin("a.sh", "r1")
    folder.finish("a.sh", exit_text="0", ok=True)
    assert (folder.path / "complete" / "a.sh").readlink() == tmp_path / "kept.sh"


def test_script_that_somebody_else_took_is_none(folder):
    assert folder.begin("a.sh", "r1") is None
    assert folder.put_back("a.sh") is None


@pytest.mark.parametrize("place", ["running/a.sh", "complete/a.sh", "fail/a.sh", "out/a.sh.stdout"])
def test_new_name_where_the_old_one_is_taken(folder, place):
    (folder.path / place).write_text("older")
    put(folder, "a.sh", "newer")
    put(folder, "a-2.sh", "another")
    assert folder.begin("a.sh", "r1") == "a-3.sh"
    found = tree(folder.path)
    assert found == {place: "older", "running/a-3.sh": "newer", "to_run/a-2.sh": "another"}


def test_nothing_is_overwritten_at_the_end_either(folder):
    put(folder, "train", "ours")
    folder.begin("train", "r1")
    (folder.path / "complete" / "train").write_text("of the user")
    folder.finish("train", exit_text="0", ok=True)
    assert (folder.path / "complete" / "train").read_text() == "of the user"
    assert (folder.path / "complete" / "train-2").read_text() == "ours"


def test_names_that_no_database_takes(folder):
    odd = os.fsdecode(b"caf\xe9.sh")
    long = "a" * 255
    for name in (odd, long):
        put(folder, name)
    assert folder.begin(odd, "r1") == "caf_.sh"
    assert folder.begin(long, "r1") == "a" * 240
    put(folder, long)
    assert folder.begin(long, "r1") == "a" * 240 + "-2"
    folder.finish("a" * 240 + "-2", exit_text="0", ok=True)


def test_script_that_never_started_waits_again(folder):
    put(folder, "a.sh", "older")
    folder.begin("a.sh", "r1")
    for path in folder.outputs("a.sh"):
        path.touch()
    put(folder, "a.sh", "newer")
    assert folder.put_back("a.sh") == "a-2.sh"
    assert tree(folder.path) == {"to_run/a-2.sh": "older", "to_run/a.sh": "newer"}


def test_folder_that_was_tidied_up_is_made_again(folder):
    put(folder, "a.sh")
    folder.begin("a.sh", "r1")
    for name in ("complete", "out"):
        (folder.path / name).rmdir()
    folder.finish("a.sh", exit_text="0", ok=True)
    assert "complete/a.sh" in tree(folder.path)


# What dies on the way


class Killed(BaseException):
    """What a process dies of, for as long as it takes."""


class Guillotine:
    """Lets so many file operations of this process happen, and none after that."""

    EVENTS = frozenset("open os.mkdir os.rename os.remove os.scandir os.utime".split())
    left: int | None = None  # None: any number

    def __call__(self, event, args):
        if self.left is None or event not in self.EVENTS:
            return
        if self.left == 0:
            raise Killed
        self.left -= 1

    @contextmanager
    def falls_after(self, left):
        """Have what is done inside die after so many file operations."""
        self.left = left
        try:
            yield
        finally:
            self.left = None


guillotine = Guillotine()
sys.addaudithook(guillotine)

kinds = st.sampled_from(["add", "add", "begin", "begin", "pass", "fail", "put back"])
lives = st.none() | st.integers(0, 2) | st.integers(0, 14)  # file operations until it is killed
steps = st.tuples(kinds, st.integers(0, 5), lives)


def act(folder, kind, which, left, begun):
    """Do a step of an agent, or none if there is no script for it."""
    names = folder.waiting() if kind == "begin" else folder.stuck()
    if not names:
        return
    name = names[which % len(names)]
    if kind == "begin":
        text = (folder.path / "to_run" / name).read_text()
        begun[text] = f"run {len(begun)} of {text}"
        with guillotine.falls_after(left):
            folder.begin(name, begun[text])
    elif kind == "put back":
        with guillotine.falls_after(left):
            folder.put_back(name)
    else:
        text = folder.script(name).read_text()
        folder.outputs(name)[0].write_text(text)
        with guillotine.falls_after(left):
            folder.finish(name, exit_text=kind, ok=kind == "pass")


def scripts_in(path):
    return sorted(text for name, text in tree(path).items() if not name.startswith("out/"))


@pytest.mark.parametrize("kind", ["begin", "pass", "put back"])
def test_whoever_is_killed_leaves_a_step_that_can_be_done_again(tmp_path, kind):
    """After so many file operations, for any number of them."""
    for left in count():
        path, begun = tmp_path / f"{left}", {"text": "r1"}
        with closing(ScriptFolder(path)) as folder:
            put(folder, "a.sh", "text")
            if kind != "begin":
                folder.begin("a.sh", "r1")
            try:
                act(folder, kind, 0, left, begun)
            except Killed:
                pass
            else:
                assert left > 1
                return
        with closing(ScriptFolder(path)) as folder:
            assert scripts_in(path) == ["text"]
            assert [folder.run_of(name) for name in folder.stuck()] in ([], [begun["text"]])
            act(folder, kind, 0, None, begun)
            done = {"begin": "running", "pass": "complete", "put back": "to_run"}[kind]
            found = tree(path)
            assert found[f"{done}/a.sh"] == "text"
            assert found.get("out/a.sh.exitcode") == ("pass" if kind == "pass" else None)


@given(st.lists(steps, max_size=40))
def test_no_script_is_ever_lost(todo):
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch)
        folder, added, begun = ScriptFolder(path), [], {}
        for kind, which, left in todo:
            if kind == "add":
                script = path / "to_run" / ("a.sh", "a-2.sh", "b")[which % 3]
                if not script.exists():
                    script.write_text(f"script {len(added)}")
                    added.append(script.read_text())
                continue
            try:
                act(folder, kind, which, left, begun)
            except Killed:
                folder.close()
                folder = ScriptFolder(path)
            assert scripts_in(path) == sorted(added)
            for name in folder.stuck():
                assert folder.run_of(name) == begun[folder.script(name).read_text()]
        for script in folder.stuck():
            folder.outputs(script)[0].write_text(folder.script(script).read_text())
            folder.finish(script, exit_text="pass", ok=True)
        folder.close()
        assert scripts_in(path) == sorted(added)
        assert list((path / "running").iterdir()) == []
        # Each that ended has output of its own, and nobody else's.
        for ending, text in (("complete", "pass"), ("fail", "fail")):
            for script in (path / ending).iterdir():
                out = path / "out" / script.name
                assert Path(f"{out}.stdout").read_text() == script.read_text()
                assert Path(f"{out}.stderr").read_text() == ""
                assert Path(f"{out}.exitcode").read_text() == text


# Programs


def fastgpu(path, name, gpu):
    """Run a waiting script as fastgpu does, if nothing goes wrong with fastgpu."""
    script = (path / "to_run" / name).replace(path / "running" / name)
    failed, status = "", 0
    env = {**os.environ, "CUDA_DEVICE_ORDER": "PCI_BUS_ID", "FASTGPU_ID": str(gpu)}
    out = path / "out" / name
    with Path(f"{out}.stderr").open("w") as stderr, Path(f"{out}.stdout").open("w") as stdout:
        try:
            status = subprocess.Popen(str(script), env=env, stdout=stdout, stderr=stderr).wait()
        except OSError as error:
            failed = str(error)
    Path(f"{out}.exitcode").write_text(failed or str(status))
    script.replace(path / ("fail" if failed or status else "complete") / name)


def ours(folder, runner, name, gpu):
    """Run a waiting script under a supervisor."""
    name = folder.begin(name, "r1")
    stdout, stderr = map(str, folder.outputs(name))
    env = script_env(gpu)
    cwd = str(Path.cwd())
    _, end = runner.end([folder.script(name)], cwd=cwd, env=env, stdout=stdout, stderr=stderr)
    folder.finish(name, exit_text=exit_text(end), ok=end.state == RunState.FINISHED)


SCRIPTS = {
    "succeeds.sh": (SUCCEEDS, 0o755),
    "says.sh": ("#!/bin/sh\necho out; echo err >&2; pwd; echo $0 $#; exit 3\n", 0o755),
    "not-found.sh": ("#!/bin/sh\nexit 127\n", 0o755),
    "killed.sh": ("#!/bin/sh\necho on; kill -9 $$\n", 0o755),
    "terminated.sh": ("#!/bin/sh\nkill -15 $$\n", 0o755),
    "no-shebang.sh": ("echo 1\n", 0o755),
    "empty.sh": ("", 0o755),
    "no-permission.sh": (SUCCEEDS, 0o644),
    "no-interpreter.sh": ("#!/no/such/interpreter\n", 0o755),
    "python.py": (f"#!{sys.executable}\nraise SystemExit('bad')\n", 0o755),
}


def test_result_is_that_of_fastgpu(folder, runner):
    """Files, texts and places are the same for every way a script can end."""
    results = []
    for run in (
        lambda name: fastgpu(folder.path, name, 2),
        lambda name: ours(folder, runner, name, 2),
    ):
        for name, (text, mode) in SCRIPTS.items():
            put(folder, name, text, mode)
        (folder.path / "to_run" / "link.sh").symlink_to(folder.path / "to_run" / "succeeds.sh")
        for name in folder.waiting():
            run(name)
        results.append(tree(folder.path))
        for name in results[-1]:
            (folder.path / name).unlink()
    assert results[1] == results[0]
    assert results[0]["out/succeeds.sh.stdout"] == "2\n"
    assert results[0]["out/killed.sh.exitcode"] == "-9"
    assert results[0]["out/no-shebang.sh.exitcode"].startswith("[Errno 8] Exec format error")
    assert results[0]["out/no-permission.sh.exitcode"].startswith("[Errno 13] Permission denied")


def test_outputs_can_be_watched_and_survive_the_supervisor(folder, runner, tmp_path):
    """Killed supervisors cost neither stdout nor stderr, and nothing mixes them."""
    gate = tmp_path / "gate"
    gate.touch()
    lines = "echo out $i; echo err $i >&2"
    text = f"#!/bin/sh\ni=1; {lines}\nwhile [ -e {gate} ]; do sleep 0.02; done\n"
    put(folder, "a.sh", f"{text}i=2; {lines}\nkill -9 $$\n")
    stdout, stderr = folder.outputs(folder.begin("a.sh", "r1"))
    options = {"stdout": str(stdout), "stderr": str(stderr)}
    run, hand = runner.start([folder.script("a.sh")], **options)
    until(lambda: stderr.exists() and stderr.read_text() == "err 1\n")
    first = read_json(run.path / "process.json")
    assert {name: first[name] for name in options} == options
    os.kill(parse_identity(first["supervisor"]).pid, signal.SIGKILL)
    until(hand.is_over)
    runner.busy.remove(hand)
    hand.close()
    order = Order(home=str(runner.store.home), run_id=run.path.name, adopt=True, **options)
    runner.busy.append(runner.hands.launch(order))
    until(lambda: read_json(run.path / "process.json")["supervisor"] != first["supervisor"])
    gate.unlink()
    assert runner.wait(run, runner.busy[-1]).state == RunState.CRASHED
    assert stdout.read_text() == "out 1\nout 2\n"
    assert stderr.read_text() == "err 1\nerr 2\n"
    assert sorted(run.output.read_text().splitlines()) == ["err 1", "err 2", "out 1", "out 2"]
    assert not run.error_pipe.exists()


def test_both_outputs_may_be_large(folder, runner):
    """Neither blocks while the other is written, and nothing is lost."""
    code = "import os\nfor i in range(300): os.write(1, b'o' * 999 + b'\\n');"
    put(folder, "a.py", f"#!{sys.executable}\n{code} os.write(2, b'e' * 999 + b'\\n')\n")
    ours(folder, runner, "a.py", 0)
    stdout, stderr = folder.outputs("a.py")
    assert stdout.read_text() == ("o" * 999 + "\n") * 300
    assert stderr.read_text() == ("e" * 999 + "\n") * 300


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({"state": RunState.FINISHED, "exit_code": 0}, "0"),
        ({"state": RunState.FAILED, "exit_code": 3, "reason": "exit code 3: bad"}, "3"),
        ({"state": RunState.CRASHED, "signal": 11, "reason": "died of it"}, "-11"),
        ({"state": RunState.KILLED, "signal": 15, "reason": "by the user"}, "-15"),
        ({"state": RunState.CRASHED, "reason": "the machine was restarted"}, "the machine was res"),
        ({"state": RunState.KILLED}, "killed"),
        (
            {"state": RunState.FAILED, "exit_code": 126, "start_error": "[Errno 13] Permission"},
            "[Errno 13] Permission",
        ),
    ],
)
def test_exit_text(facts, text):
    assert exit_text(End(ended_at=0.0, **facts)).startswith(text)


def test_environment_of_a_script():
    assert script_env(1) == {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "FASTGPU_ID": "1"}


# A fastgpu in the same folder


@pytest.fixture
def locks(tmp_path):
    return GpuLocks(tmp_path)


@pytest.fixture
def program():
    """Give a process of somebody else."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def age(path, seconds):
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_lock_of_a_living_process_is_honoured_until_it_is_dead(locks, tmp_path, program):
    lock = tmp_path / "1.lock"
    lock.write_text(str(program.pid))
    assert locks.holder(1) == program.pid
    assert not locks.take(1, os.getpid())
    program.kill()
    program.wait()
    assert locks.holder(1) is None
    assert not lock.exists()
    assert locks.take(1, os.getpid())


def test_lock_of_a_pid_that_is_used_again_is_void(locks, tmp_path, program):
    lock = tmp_path / "0.lock"
    lock.write_text(str(program.pid))
    age(lock, 3600)
    assert locks.holder(0) is None
    assert not lock.exists()


@pytest.mark.parametrize("text", ["locked", "", "9" * 30])
def test_lock_without_pid_counts_while_it_is_young(locks, tmp_path, text):
    lock = tmp_path / "0.lock"
    lock.write_text(text)
    assert locks.holder(0) == 0
    assert list(locks.holders()) == [0]
    age(lock, 60)
    assert locks.holder(0) is None
    assert not lock.exists()


def test_our_locks_look_like_those_of_fastgpu(locks, tmp_path):
    assert locks.take(0, os.getpid())
    assert locks.take(0, os.getpid())
    assert tree(tmp_path) == {"0.lock": str(os.getpid())}
    assert locks.holder(0) is None
    assert GpuLocks(tmp_path).holder(0) == os.getpid()
    locks.release(0)
    locks.release(0)
    assert tree(tmp_path) == {}


def test_script_that_a_living_fastgpu_runs_is_not_stuck(folder):
    for name in ("dead.sh", "theirs.sh"):
        put(folder, name, "#!/bin/sh\nread line\n").rename(folder.script(name))
    with subprocess.Popen([folder.script("theirs.sh")], stdin=subprocess.PIPE) as program:
        (folder.path / "0.lock").write_text(str(program.pid))
        until(lambda: folder.stuck() == ["dead.sh"])
    assert folder.stuck() == ["dead.sh", "theirs.sh"]


def test_what_may_be_of_a_living_fastgpu_is_left_to_it(folder, program):
    put(folder, "ours.sh")
    folder.begin("ours.sh", "r1")
    put(folder, "theirs.sh").rename(folder.script("theirs.sh"))
    (folder.path / "0.lock").write_text(str(program.pid))
    assert folder.stuck() == ["ours.sh"]
    assert folder.run_of("ours.sh") == "r1"
    assert folder.run_of("theirs.sh") is None


def test_notes_of_what_is_gone_are_removed(tmp_path):
    with closing(ScriptFolder(tmp_path)) as folder:
        put(folder, "a.sh")
        folder.begin("a.sh", "r1")
        folder.script("a.sh").unlink()
    with closing(ScriptFolder(tmp_path)) as folder:
        assert list((tmp_path / "running").iterdir()) == []
        assert folder.stuck() == []
