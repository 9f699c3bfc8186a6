"""Thirty seconds of kill -9 at random on three GPUs: none is ever given to two runs at once.

Two agents with two sweeps and one with a folder of scripts share them; all that they start may be
killed at any moment, and in the middle the machine is restarted. Afterwards every run has ended in
a true state, every exit code that existed is recorded, and no process is left.
"""

import contextlib
import os
import random
import signal
import sqlite3
import time
from collections import Counter
from pathlib import Path

import pytest

from homerun.agent import Outcome
from homerun.agent.processes import tagged
from homerun.core import ENDED, RunState
from homerun.store import Store
from homerun.store.process import BOOT_ID_FILE
from tests.agent_home import (
    gone,
    is_storm_over,
    left_over,
    make_sweep,
    next_kind,
    python,
    start_agent,
)
from tests.fake_gpus import FakeGpus

STORM_S = 30.0
VALUES = 60  # of each sweep; as many scripts
# A run holds the lock of its GPU, and so do its children, as all of them may use its memory.
PROGRAM = """#!{python}
import fcntl, os, random, subprocess, sys, time
folder, gpu, run = {folder!r}, os.environ['CUDA_VISIBLE_DEVICES'], os.environ['HOMERUN_RUN_ID']
os.chdir(folder)

def tell(name, line):
    fd = os.open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, (line + '\\n').encode())
    os.close(fd)

lock = os.open('lock-' + gpu, os.O_WRONLY | os.O_CREAT, 0o600)
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    tell('doubled', f'{{run}} {{gpu}}')
tell('started', f'{{run}} {{gpu}}')
subprocess.Popen(['/bin/sh', '-c', 'sleep 999'], start_new_session=True, pass_fds=[lock])
if not os.path.exists('calm'):
    time.sleep(random.random() / 3)
code = random.choice([0, 0, 0, 3])
tell('exits', f'{{run}} {{code}}')
os._exit(code)
"""


class Overbooked:
    """Looks at the leases again and again for a GPU that has two."""

    def __init__(self, store):
        self._store = store
        self.looks = 0

    def look(self):
        rows = self._store.rows(
            "SELECT device, count(*), min(at_most) FROM device_lease GROUP BY device"
        )
        assert all(count <= at_most for _, count, at_most in rows), rows
        self.looks += 1


@pytest.fixture
def boot(tmp_path, monkeypatch):
    """A function that restarts the machine, as far as its boot id tells."""

    def restart(number):
        path = tmp_path / f"boot-{number}"
        path.write_text(f"{number:08x}-0000")
        monkeypatch.setenv(BOOT_ID_FILE, str(path))

    restart(1)
    return restart


def test_storm_of_kill_9_on_three_gpus(home, tmp_path, boot):
    rng = random.Random(7)
    gpus = FakeGpus(tmp_path / "gpus")
    text = PROGRAM.format(python=os.path.realpath("/proc/self/exe"), folder=str(tmp_path))
    scripts = _make_scripts(tmp_path / "scripts", text)
    with Store(home) as store:
        sweeps = [make_sweep(store, python(text), values=VALUES, cwd=tmp_path) for _ in range(2)]
        serves = [*sweeps, scripts]
        overbooked = Overbooked(store)
        kinds = {"agents": 0, "supervisors": 0, "programs": 0}
        _storm(rng, home, serves, gpus, kinds, overbooked, least=5)
        _restart_machine(home, boot)
        _storm(rng, home, serves, gpus, kinds, overbooked, least=10)
        (tmp_path / "calm").touch()
        last = [start_agent(one, **_options(one, gpus)) for one in serves]
        while any(agent.poll() is None for agent in last):
            overbooked.look()
            time.sleep(0.02)
        for agent in last:
            told, trouble = agent.communicate()
            assert repr(Outcome.COMPLETE) in told, (told[-500:], trouble)
        _check(store, tmp_path, sweeps)
        assert overbooked.looks > 100
        assert min(kinds.values()) >= 10, kinds
        assert store.rows("SELECT * FROM device_lease") == []
    gone(home)
    with contextlib.closing(sqlite3.connect(home / "homerun.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def _make_scripts(folder, text):
    (folder / "to_run").mkdir(parents=True)
    for number in range(VALUES):
        script = folder / "to_run" / f"script-{number:03}.py"
        script.write_text(text)
        script.chmod(0o755)
    return folder


def _options(serves, gpus):
    more = {"exits": True} if isinstance(serves, Path) else {"max_failures": 0}
    return {"env": {**gpus.environ, BOOT_ID_FILE: os.environ[BOOT_ID_FILE]}, **more}


def _storm(rng, home, serves, gpus, kinds, overbooked, *, least):
    """Kill at random, and start an agent again whenever one has died; at the end kill them all."""
    agents = dict.fromkeys(range(len(serves)))
    end = time.monotonic() + STORM_S / 2
    while not is_storm_over(kinds, end, least):
        for index, agent in agents.items():
            if agent is None or agent.poll() is not None:
                if agent is not None:
                    agent.communicate()
                agents[index] = start_agent(serves[index], **_options(serves[index], gpus))
        time.sleep(rng.random() / 6)
        overbooked.look()
        _kill_one(rng, home, [agent.pid for agent in agents.values()], kinds)
    for agent in agents.values():
        agent.kill()
        agent.communicate()


def _kill_one(rng, home, agents, kinds):
    kind = next_kind(rng, kinds)
    if kind == "agents":
        victims = agents
    elif kind == "programs":
        victims = list(tagged(home))
    else:
        found = left_over(home)
        victims = [pid for pid, line in found.items() if "homerun.agent.supervisor" in line]
    if victims:
        with contextlib.suppress(ProcessLookupError):
            os.kill(rng.choice(sorted(victims)), signal.SIGKILL)
            kinds[kind] += 1


def _restart_machine(home, boot):
    """Kill all there is at once, and go on with another boot id."""
    while found := left_over(home):
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    boot(2)


def _check(store, folder, sweeps):
    assert not (folder / "doubled").exists(), (folder / "doubled").read_text()
    started = (folder / "started").read_text().split("\n")[:-1]
    assert len({line.split()[1] for line in started}) == 3  # all GPUs were used
    exits = dict(line.split() for line in (folder / "exits").read_text().splitlines())
    runs = store.runs()
    assert all(run.state in ENDED for run in runs), Counter(run.state for run in runs)
    for run in runs:
        exited = exits.get(run.id)
        if run.state in {RunState.FINISHED, RunState.FAILED}:
            assert str(run.exit_code) == exited, run
        else:
            assert run.state == RunState.CRASHED
            assert run.reason
    for sweep in sweeps:
        own = [run for run in runs if run.sweep == sweep.id]
        assert sorted(run.config["n"] for run in own) == list(range(VALUES))
    moved = {
        name: sorted(path.name for path in (folder / "scripts" / name).iterdir())
        for name in ("to_run", "running", "complete", "fail")
    }
    assert moved["to_run"] == moved["running"] == []
    assert len(moved["complete"] + moved["fail"]) == VALUES
    for name in moved["complete"]:
        assert (folder / "scripts" / "out" / f"{name}.exitcode").read_text() == "0"
