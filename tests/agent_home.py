"""What the tests of agents share: sweeps of small programs, agents as processes, waiting."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from homerun.agent import Wishes, create_sweep, work_sweep
from homerun.agent.hands import Hands
from homerun.agent.order import Order
from homerun.agent.orders import home_env, run_env
from homerun.core import new_id
from homerun.spec import from_dict
from homerun.store import pids

AGENT = """
import json, sys
from pathlib import Path
from homerun.agent import Wishes, work_folder, work_home, work_sweep
from homerun.store import Store

def tell(event):
    run = getattr(event, "run", None)
    text = getattr(event, "text", "") or getattr(event, "reason", "")
    print(type(event).__name__, run.id if run else "-", text, flush=True)

with Store() as store:
    options, wishes = json.loads(sys.argv[2]), Wishes(**json.loads(sys.argv[3]))
    if sys.argv[1].startswith("/"):
        options = {"project": "scripts", "wishes": wishes, "on_event": tell, **options}
        print(work_folder(store, Path(sys.argv[1]), **options))
    elif sys.argv[1]:
        sweep = store.sweep(sys.argv[1])
        print(work_sweep(store, sweep, wishes=wishes, on_event=tell, **options))
    else:
        print(work_home(store, wishes=wishes, on_event=tell, **options))
"""


def until(condition, seconds=60.0):
    """Wait for a condition and return what it found."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not so within {seconds} s: {found}"
        time.sleep(0.01)
    return found


def next_kind(rng, kinds):
    """Return a kind of victim at random, none that was killed far more often than the others."""
    least = min(kinds.values())
    return rng.choice([kind for kind, count in kinds.items() if count <= 10 + 2 * least])


def is_storm_over(kinds, end, least):
    """Tell whether the time is up and enough of each kind killed; a slow machine takes longer."""
    now = time.monotonic()
    return now > end + 120 or (now > end and min(kinds.values()) >= least)


def make_sweep(store, command, *, values=1, cwd="/", homerun=None, **more):
    """Record a sweep that runs a command once for each of so many values of the parameter n."""
    spec = {
        "method": "grid",
        "command": [str(part) for part in command],
        "parameters": {"n": {"values": list(range(values))}},
        "homerun": homerun or {},
        **more,
    }
    return create_sweep(store, from_dict(spec), cwd=Path(cwd), project="tests")


def python(code):
    """Return the command that runs a piece of Python; the value of n is its last argument."""
    return [sys.executable, "-c", code, "${args}"]


def work(store, sweep, **options):
    """Be an agent until the end; return why it ended and all events."""
    events = []
    options, wishes = sort_options(options)
    done = work_sweep(store, sweep, wishes=wishes, on_event=events.append, **options)
    return done, events


def sort_options(options):
    """Return the options of an agent and, as Wishes, what it is to have for its runs."""
    wishes = {name: options.pop(name) for name in Wishes.__annotations__ if name in options}
    return options, Wishes(**wishes)


def start_agent(serves, *, env=None, **options):
    """Start an agent as a process of its own; its stdout tells the events.

    serves: a sweep, the path of a folder of scripts, or None for the whole home.
    """
    options, wishes = sort_options(options)
    name = str(serves) if isinstance(serves, Path) else serves.id if serves else ""
    arguments = [name, json.dumps(options), json.dumps(vars(wishes))]
    return subprocess.Popen(
        [sys.executable, "-c", AGENT, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
        start_new_session=True,
    )


class Runner:
    """Runs single commands under a supervisor, without an agent or a database."""

    def __init__(self, store):
        self.store = store
        self.hands = Hands(home_env(store))
        self.busy = []

    def start(self, argv, **options):
        run = self.store.add_run(new_id(), project="tests", agent="", cwd="/")
        folder = self.store.folder(run.id).make()
        options.setdefault("cwd", "/")
        env = {**run_env(self.store.home, run), **options.pop("env", {})}
        order = Order(
            home=str(self.store.home), run_id=run.id, argv=list(map(str, argv)), env=env, **options
        )
        hand = self.hands.launch(order)
        self.busy.append(hand)
        return folder, hand

    def end(self, argv, **options):
        """Run a command and return its folder and its end."""
        folder, hand = self.start(argv, **options)
        return folder, self.wait(folder, hand)

    def wait(self, folder, hand):
        """Wait for the end of a run that was started and return it."""
        until(hand.is_over)
        self.busy.remove(hand)
        self.hands.take_back(hand)
        return folder.read_result()

    def close(self):
        """Let go of all supervisors."""
        for hand in self.busy:
            hand.close()
        self.hands.close()


def left_over(home):
    """Return pid and command line of the processes of a home: programs, agents, supervisors."""
    found = {}
    for pid in set(pids()) - {os.getpid()}:
        try:
            environ = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            if b"HOMERUN_HOME=" + os.fsencode(home) in environ:
                found[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().decode()
        except OSError:
            continue  # it has ended meanwhile
    return found


def gone(home):
    """Wait until no process of a home is left; show those that stay."""
    deadline = time.monotonic() + 60
    while (found := left_over(home)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert found == {}
