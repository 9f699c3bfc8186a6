"""`homerun poll` and `homerun run FOLDER`: scripts are run, recorded, and survive every death."""

import os
import random
import signal
import subprocess
from contextlib import closing, suppress

import pytest

from homerun.agent.scripts import ScriptFolder
from homerun.core import ALIVE, RunState
from homerun.store import Store, parse_identity, read_json
from tests.agent_home import gone
from tests.cli_call import attempt, environment, running, start, until

SUBFOLDERS = ("to_run", "running", "complete", "fail", "out")
GATED = "#!/bin/sh\necho on\nwhile [ -e {gate} ]; do sleep 0.02; done\nexit 3\n"


@pytest.fixture
def folder(tmp_path, home):
    path = tmp_path / "ablation"
    (path / "to_run").mkdir(parents=True)
    yield path
    gone(home)


def put(folder, name, text, mode=0o755):
    """Write a script beside to_run/ and move it there, as one should."""
    path = folder / f".{name}"
    path.write_text(text)
    path.chmod(mode)
    path.rename(folder / "to_run" / name)


def gated(folder, name):
    """Queue a script that goes on for as long as the file that is returned is there."""
    gate = folder.parent / f"{name}.gate"
    gate.touch()
    put(folder, name, GATED.format(gate=gate))
    return gate


def has_begun(folder, name):
    out = folder / "out" / f"{name}.stdout"
    return out.exists() and out.read_text() == "on\n"


def names(folder):
    """Return the names in each subfolder, but for those with a dot first."""
    return {
        name: sorted(path.name for path in (folder / name).glob("*") if path.name[0] != ".")
        for name in SUBFOLDERS
    }


def exit_texts(folder):
    return {path.stem: path.read_text() for path in (folder / "out").glob("*.exitcode")}


def test_scripts_are_run_and_recorded(folder, home):
    put(folder, "1-good.sh", "#!/bin/sh\necho $FASTGPU_ID; echo hm >&2; echo $0\n")
    put(folder, "2-bad.sh", "#!/bin/sh\nexit 3\n")
    put(folder, "3-not.sh", "#!/bin/sh\n", mode=0o644)
    done = start("poll", "--path", folder, "--exit", "1", "--slots", "2")
    assert done.returncode == 1, done.stderr
    assert "run 2 failed in" in done.stderr
    assert "3 of 3 done, 2 failed" in done.stderr
    found = names(folder)
    assert found["complete"] == ["1-good.sh"]
    assert found["fail"] == ["2-bad.sh", "3-not.sh"]
    script = folder / "running" / "3-not.sh"
    refused = f"[Errno 13] Permission denied: '{script}'"
    assert exit_texts(folder) == {"1-good.sh": "0", "2-bad.sh": "3", "3-not.sh": refused}
    text = (folder / "out" / "1-good.sh.stdout").read_text()
    assert text == f"0\n{folder}/running/1-good.sh\n"
    assert (folder / "out" / "1-good.sh.stderr").read_text() == "hm\n"
    with Store(home) as store:
        runs = store.runs(project="ablation")
    assert [(run.name, run.state, run.exit_code) for run in runs] == [
        ("1-good.sh", RunState.FINISHED, 0),
        ("2-bad.sh", RunState.FAILED, 3),
        ("3-not.sh", RunState.FAILED, 126),
    ]
    assert sorted(attempt("logs", "1").stdout.splitlines()) == sorted([*text.splitlines(), "hm"])


def test_run_takes_a_folder_from_start_to_end(folder):
    put(folder, "a.sh", "#!/bin/sh\necho $HOMERUN_PROJECT\n")
    done = start("run", folder, "--project", "mine", "--slots", "1")
    assert done.returncode == 0, done.stderr
    assert (folder / "out" / "a.sh.stdout").read_text() == "mine\n"
    assert names(folder)["complete"] == ["a.sh"]


def test_each_script_sees_its_gpu(folder):
    """The ids are places in the list of GPUs; what CUDA sees is the GPU itself."""
    for name in ("a.sh", "b.sh"):
        put(folder, name, "#!/bin/sh\necho $FASTGPU_ID $CUDA_VISIBLE_DEVICES\nsleep 0.5\n")
    (folder / "1.lock").write_text(str(os.getpid()))  # a living fastgpu has the second
    put(folder, "c.sh", "#!/bin/sh\ncat $FASTGPU_ID.lock\n")
    env = environment(CUDA_VISIBLE_DEVICES="7,5,3")
    done = start("run", folder, env=env, cwd=folder)
    assert done.returncode == 0, done.stderr
    said = {path.name[0]: path.read_text() for path in (folder / "out").glob("[ab]*.stdout")}
    assert sorted(said.values()) == ["0 7\n", "2 3\n"]
    assert sorted(path.name for path in folder.glob("*.lock") if path.name[0] != ".") == ["1.lock"]


def test_wrong_use_is_one_line(folder, tmp_path):
    done = attempt("poll", folder, "--path", folder)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "give one of them" in done.stderr
    (tmp_path / "file").touch()
    assert "cannot be used: Not a directory" in attempt("poll", tmp_path / "file").stderr
    assert "--tag" in attempt("run", folder, "--tag", "x").stderr
    assert "for sweeps" in attempt("poll", folder, "--gpu-memory", "learned").stderr
    with closing(ScriptFolder(folder)):
        done = attempt("run", folder)
    assert f"run by process {os.getpid()} already" in done.stderr
    assert done.returncode == 2


def test_poller_waits_for_more_until_it_is_told_to_end(folder):
    with running("poll", folder, text=True) as poller:
        for name in ("a.sh", "b.sh"):
            put(folder, name, "#!/bin/sh\n")
            until(lambda name=name: names(folder)["complete"][-1:] == [name])
        poller.send_signal(signal.SIGINT)
        assert poller.wait(timeout=60) == 130


def test_second_ctrl_c_stops_what_runs(folder):
    gated(folder, "a.sh")
    with running("run", folder) as poller:
        until(lambda: has_begun(folder, "a.sh"))
        poller.send_signal(signal.SIGINT)
        until(lambda: b"to finish, Ctrl-C again stops" in poller.stderr.readline())
        poller.send_signal(signal.SIGINT)
        assert poller.wait(timeout=60) == 130
    assert names(folder)["fail"] == ["a.sh"]
    assert exit_texts(folder) == {"a.sh": "-15"}


def test_script_outlives_its_poller(folder, home):
    """The poller is killed: the script goes on, and the next poller moves it to its place."""
    gate = gated(folder, "a.sh")
    with running("run", folder) as poller:
        until(lambda: has_begun(folder, "a.sh"))
        poller.kill()
    gate.unlink()
    with Store(home) as store:
        until(lambda: store.run("1").is_ended)
    assert names(folder)["running"] == ["a.sh"]
    put(folder, "b.sh", "#!/bin/sh\n")
    done = start("run", folder)
    assert done.returncode in {0, 1}, done.stderr
    assert names(folder) == {
        "to_run": [],
        "running": [],
        "complete": ["b.sh"],
        "fail": ["a.sh"],
        "out": [f"{name}.sh.{kind}" for name in "ab" for kind in ("exitcode", "stderr", "stdout")],
    }
    assert exit_texts(folder) == {"a.sh": "3", "b.sh": "0"}


def test_next_poller_takes_over_what_still_runs(folder, home):
    gate = gated(folder, "a.sh")
    with running("run", folder) as poller:
        until(lambda: has_begun(folder, "a.sh"))
        poller.kill()
    with running("run", folder, text=True) as poller, Store(home) as store:
        until(lambda: str(poller.pid) in store.run("1").agent)
        gate.unlink()
        assert poller.wait(timeout=60) == 1
        assert "run 1 taken over" in poller.stderr.read()
    assert exit_texts(folder) == {"a.sh": "3"}
    assert names(folder)["fail"] == ["a.sh"]


def test_outputs_go_on_when_a_supervisor_is_killed(folder, home):
    gate = gated(folder, "a.sh")
    script = folder / "to_run" / "a.sh"
    script.write_text(script.read_text().replace("exit 3", "echo off; echo off >&2"))
    with running("run", folder, text=True) as poller, Store(home) as store:
        until(lambda: has_begun(folder, "a.sh"))
        facts = store.folder(store.run("1").id).path / "process.json"
        first = parse_identity(read_json(facts)["supervisor"])
        os.kill(first.pid, signal.SIGKILL)
        until(lambda: read_json(facts)["supervisor"] != str(first))
        gate.unlink()
        assert poller.wait(timeout=60) == 1
    assert (folder / "out" / "a.sh.stdout").read_text() == "on\noff\n"
    assert (folder / "out" / "a.sh.stderr").read_text() == "off\n"
    assert exit_texts(folder) == {"a.sh": "its supervisor was killed, so its exit code is lost"}


def test_script_that_was_left_in_running_is_run(folder):
    """As a fastgpu leaves it, or a poller that is killed before it has recorded the run."""
    put(folder, "a.sh", "#!/bin/sh\n")
    put(folder, "b.sh", "#!/bin/sh\n")
    with closing(ScriptFolder(folder)) as scripts:
        (folder / "to_run" / "a.sh").rename(folder / "running" / "a.sh")
        scripts.begin("b.sh", "nowhere")
    done = start("run", folder)
    assert done.returncode == 0, done.stderr
    assert names(folder)["complete"] == ["a.sh", "b.sh"]


def test_old_run_of_the_name_is_not_taken_for_the_new_one(folder):
    """Somebody clears the folder and queues the same names again."""
    for code in (0, 3):
        put(folder, "a.sh", f"#!/bin/sh\nexit {code}\n")
        if code:
            with closing(ScriptFolder(folder)) as scripts:  # and is killed
                assert scripts.begin("a.sh", "not-recorded") == "a.sh"
        assert start("run", folder).returncode == (1 if code else 0)
        assert exit_texts(folder) == {"a.sh": str(code)}
        for subfolder in ("out", "complete"):
            for path in (folder / subfolder).iterdir():
                path.unlink()
    assert names(folder)["fail"] == ["a.sh"]


def test_detached_poller_works_in_the_background(folder, home):
    done = start("poll", folder, "--detach")
    assert done.returncode == 0, done.stderr
    put(folder, "a.sh", "#!/bin/sh\n")
    until(lambda: names(folder)["complete"] == ["a.sh"])
    assert attempt("stop", done.stdout.strip()).returncode == 0
    gone(home)


def test_storm_of_kills_loses_no_script(folder, home):
    """Pollers are killed at any moment: every script ends in its place, with its output."""
    chance = random.Random(4)
    for number in range(9):
        put(folder, f"{number}.sh", f"#!/bin/sh\necho {number}\nsleep 0.05\nexit {number % 2}\n")
    for _ in range(6):
        with running("run", folder, "--slots", "2") as poller:
            with suppress(subprocess.TimeoutExpired):
                poller.wait(chance.uniform(0.15, 0.7))
            poller.kill()
    assert start("run", folder, "--slots", "2").returncode in {0, 1}
    found = names(folder)
    assert found["to_run"] == found["running"] == []
    assert sorted(found["complete"] + found["fail"]) == sorted(f"{n}.sh" for n in range(9))
    assert exit_texts(folder) == {f"{number}.sh": str(number % 2) for number in range(9)}
    for number in range(9):
        assert (folder / "out" / f"{number}.sh.stdout").read_text() == f"{number}\n"
    with Store(home) as store:
        assert store.runs(states=ALIVE) == []
