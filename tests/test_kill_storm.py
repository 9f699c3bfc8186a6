"""Twenty seconds of kill -9 at random: every run ends in a true state, none lost, none doubled."""

import contextlib
import os
import random
import signal
import sqlite3
import time
from collections import Counter

from homerun.agent import Outcome
from homerun.agent.processes import tagged
from homerun.core import ENDED, RunState
from homerun.store import Store
from tests.agent_home import (
    gone,
    is_storm_over,
    left_over,
    make_sweep,
    next_kind,
    python,
    start_agent,
    work,
)

STORM_S = 20.0
VALUES = 400
# Each run holds a lock that a second one at the same time would find taken, has a child in another
# session (some ignore SIGTERM), and says what it is about to exit with.
PROGRAM = """
import fcntl, os, random, subprocess, sys, time
n, run = sys.argv[1][4:], os.environ['HOMERUN_RUN_ID']

def tell(name, line):
    fd = os.open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, (line + '\\n').encode())
    os.close(fd)

lock = os.open('lock-' + n, os.O_WRONLY | os.O_CREAT, 0o600)
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    tell('doubled', run)
tell('started', run)
trap = 'trap "" TERM; ' if n.endswith('33') else ''
subprocess.Popen(['/bin/sh', '-c', trap + 'sleep 999'], start_new_session=True)
if not os.path.exists('calm'):
    time.sleep(random.random() / 4)
print('end of', n, flush=True)
code = 3 if n.endswith('0') else 0
tell('exits', f'{run} {code}')
os._exit(code)
"""


def test_storm_of_kill_9(home, tmp_path):
    rng = random.Random(5)
    killed = set()  # runs whose program was killed
    kinds = {"agents": 0, "supervisors": 0, "programs": 0}
    with Store(home) as store:
        sweep = make_sweep(store, python(PROGRAM), values=VALUES, cwd=tmp_path)
        agents = []
        end = time.monotonic() + STORM_S
        while not is_storm_over(kinds, end, least=10):
            dead = [agent for agent in agents if agent.poll() is not None]
            for agent in dead:
                agent.communicate()
            agents = [agent for agent in agents if agent not in dead]
            while len(agents) < 3:
                agents.append(start_agent(sweep, slots=2, max_failures=0))
            time.sleep(rng.random() / 8)
            _kill_one(rng, home, {agent.pid for agent in agents}, killed, kinds)
        for agent in agents:
            agent.kill()
            agent.communicate()
        (tmp_path / "calm").touch()
        calm = time.monotonic()
        done, _ = work(store, store.sweep(sweep.id), slots=2, max_failures=0)
        assert done.outcome == Outcome.COMPLETE
        assert time.monotonic() - calm < 500  # nobody waited for what a program left behind
        _check(store, sweep, tmp_path, killed)
    gone(home)
    assert min(kinds.values()) >= 10, kinds
    db = sqlite3.connect(home / "homerun.db")
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    db.close()


def _kill_one(rng, home, agents, killed, kinds):
    """Kill an agent, a supervisor or any process of a run."""
    programs = tagged(home)
    supervisors = [
        pid for pid, line in left_over(home).items() if "homerun.agent.supervisor" in line
    ]
    kind = next_kind(rng, kinds)
    victims = {"agents": agents, "supervisors": supervisors, "programs": programs}[kind]
    if not victims:
        return
    victim = rng.choice(sorted(victims))
    with contextlib.suppress(ProcessLookupError):
        if kind == "programs" and os.getsid(victim) == victim:
            killed.add(programs[victim])
        os.kill(victim, signal.SIGKILL)
        kinds[kind] += 1


def _check(store, sweep, folder, killed):
    runs = store.runs(sweep=sweep.id)
    assert {run.config["n"] for run in runs} == set(range(VALUES))
    assert len(runs) == VALUES
    assert all(run.state in ENDED for run in runs)
    assert not (folder / "doubled").exists()
    started = Counter((folder / "started").read_text().split())
    # At least once: a supervisor that is killed before it could tell of its program, which then
    # ends without a word, leaves nothing by which to know that there was one.
    assert sum(started.values()) - len(started) <= 3
    exits = dict(line.split() for line in (folder / "exits").read_text().splitlines())
    for run in runs:
        exited = exits.get(run.id)
        if run.state == RunState.FINISHED:
            assert (exited, run.exit_code) == ("0", 0)
        elif run.state == RunState.FAILED:
            assert (exited, run.exit_code) == ("3", 3)
        else:
            assert run.state == RunState.CRASHED
            assert run.reason
        if run.state in {RunState.FINISHED, RunState.FAILED}:
            assert f"end of {run.config['n']}\n" in store.folder(run.id).output.read_text()
    assert sum(run.state == RunState.FINISHED for run in runs) > VALUES / 4
