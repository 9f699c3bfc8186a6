"""Agents on GPUs: leases, sharing, what others run there, and runs that ran out of memory."""

import os
import subprocess
import sys
from itertools import combinations, pairwise

import pytest

from homerun.agent.reclaim import reclaim
from homerun.core import End, RunState, new_id
from homerun.store import (
    Store,
    add_to_queue,
    agents,
    identity,
    leases,
    living_program,
    take_leases,
)
from tests.agent_home import gone, make_sweep, python, start_agent, until
from tests.fake_gpus import FakeGpus

# Says which GPUs it was given, and counts who is on them at the same time.
PROGRAM = """
import fcntl, os, sys, time
seen = os.environ.get('CUDA_VISIBLE_DEVICES', '-')
def tell(name, line):
    fd = os.open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, (line + '\\n').encode())
held = []
for gpu in seen.split(','):
    for place in range(99):
        fd = os.open(f'{gpu}.{place}', os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        held.append(fd)
        tell('places', f'{gpu} {place}')
        break
tell('seen', seen)
assert os.environ['CUDA_DEVICE_ORDER'] == 'PCI_BUS_ID'
began = time.time()
time.sleep(SLEEP)
tell('homes', f"{os.environ['HOMERUN_HOME']} {seen} {began} {time.time()}")
"""


def program(sleep_s=0.2):
    return python(PROGRAM.replace("SLEEP", str(sleep_s)))


def crowd(folder):
    """Return how many runs were on each GPU at the same time, at most."""
    most = {}
    for line in (folder / "places").read_text().splitlines():
        gpu, place = line.split()
        most[gpu] = max(most.get(gpu, 0), int(place) + 1)
    return most


@pytest.fixture
def gpus(tmp_path):
    return FakeGpus(tmp_path / "gpus")


@pytest.fixture
def store(home):
    with Store(home) as store:
        yield store
    gone(home)


def finish(*processes):
    """Wait for agents and return what they told."""
    told = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), told
    return [out for out, _ in told]


def test_two_agents_and_two_sweeps_never_share_a_gpu(store, gpus, tmp_path):
    sweeps = [make_sweep(store, program(), values=9, cwd=tmp_path) for _ in range(2)]
    finish(*(start_agent(sweep, env=gpus.environ) for sweep in (*sweeps, *sweeps)))
    assert crowd(tmp_path) == dict.fromkeys(gpus.ids, 1)
    assert store.counts() == {RunState.FINISHED: 18}
    assert leases(store) == []
    assert {run.devices for run in store.runs()} == {(gpu,) for gpu in gpus.ids}


def test_agents_of_two_homes_never_share_a_gpu(store, gpus, tmp_path):
    with Store(tmp_path / "other") as other:
        sweeps = [make_sweep(one, program(), values=6, cwd=tmp_path) for one in (store, other)]
        agents = [
            start_agent(sweep, env={**gpus.environ, "HOMERUN_HOME": str(one.home)}, per_gpu=2)
            for sweep, one in zip(sweeps, (store, other), strict=True)
        ]
        finish(*agents)
        assert store.counts() == other.counts() == {RunState.FINISHED: 6}
    gone(tmp_path / "other")
    assert crowd(tmp_path).keys() == set(gpus.ids)
    homes = [line.split() for line in (tmp_path / "homes").read_text().splitlines()]
    for gpu in gpus.ids:
        spans = [(float(begin), float(end), home) for home, on, begin, end in homes if on == gpu]
        for one, two in combinations(spans, 2):
            assert one[2] == two[2] or one[1] <= two[0] or two[1] <= one[0]


@pytest.mark.parametrize(
    ("homerun", "most", "visible"),
    [
        ({"per_gpu": 2}, 2, 1),
        ({"gpu_memory": "30GiB"}, 2, 1),
        ({"gpu_memory": "30GiB", "per_gpu": 1}, 1, 1),
        ({"gpus": 2}, 1, 2),
    ],
    ids=["two on each", "by memory", "both", "two for each"],
)
def test_gpus_are_shared_as_the_sweep_file_says(store, gpus, tmp_path, homerun, most, visible):
    sweep = make_sweep(store, program(0.4), values=8, cwd=tmp_path, homerun=homerun)
    finish(start_agent(sweep, env=gpus.environ))
    assert max(crowd(tmp_path).values()) == most
    seen = (tmp_path / "seen").read_text().splitlines()
    assert {len(line.split(",")) for line in seen} == {visible}
    assert store.counts() == {RunState.FINISHED: 8}


def test_chosen_gpus_in_their_order_and_by_index(store, gpus, tmp_path):
    sweep = make_sweep(store, program(0), values=2, cwd=tmp_path, homerun={"gpu_names": "index"})
    finish(start_agent(sweep, env=gpus.environ, gpus="2,1", slots=1))
    assert (tmp_path / "seen").read_text().split() == ["2", "2"]


def test_visible_devices_of_the_agent_hold(store, gpus, tmp_path):
    sweep = make_sweep(store, program(), values=4, cwd=tmp_path)
    finish(start_agent(sweep, env={**gpus.environ, "CUDA_VISIBLE_DEVICES": "1"}))
    assert crowd(tmp_path) == {gpus.ids[1]: 1}


def test_a_gpu_with_programs_of_others_or_in_trouble_is_left_alone(store, gpus, tmp_path):
    other = subprocess.Popen(["sleep", "60"])
    gpus.set(0, used_mib=5000, processes=[(other.pid, 5000)])
    gpus.set(1, lost=True)
    sweep = make_sweep(store, program(), values=4, cwd=tmp_path)
    finish(start_agent(sweep, env=gpus.environ))
    assert crowd(tmp_path) == {gpus.ids[2]: 1}
    other.kill()
    other.wait()


def test_an_agent_says_what_it_waits_for_and_goes_on(store, gpus, tmp_path):
    other = subprocess.Popen(["sleep", "60"])
    for index in range(3):
        gpus.set(index, used_mib=5000, processes=[(other.pid, 5000)])
    sweep = make_sweep(store, program(), values=2, cwd=tmp_path)
    agent = start_agent(sweep, env=gpus.environ)
    waiting = until(lambda: [record.waits_for for record in agents(store) if record.waits_for])
    assert f"GPU 2: pid {other.pid} of " in waiting[0]
    assert "sleep 60, 4.9 GiB" in waiting[0]
    other.kill()
    other.wait()
    for index in range(3):
        gpus.set(index, used_mib=0, processes=[])
    finish(agent)
    assert store.counts() == {RunState.FINISHED: 2}
    assert agents(store) == []


def test_busy_gpus_can_be_used_all_the_same(store, gpus, tmp_path):
    for index in range(3):
        gpus.set(index, used_mib=5000, processes=[(os.getpid(), 5000)])
    sweep = make_sweep(store, program(), values=3, cwd=tmp_path)
    finish(start_agent(sweep, env=gpus.environ, use_busy=True))
    assert len(crowd(tmp_path)) == 3


def test_an_unseen_agents_lease_is_honoured_until_its_run_is_over(store, gpus, tmp_path):
    gate = tmp_path / "gate"
    gate.mkdir()
    wait = f"import os, time\nwhile os.path.exists({str(gate)!r}): time.sleep(0.01)"
    first = make_sweep(store, python(wait), values=3, cwd=tmp_path)
    agent = start_agent(first, env=gpus.environ)
    until(lambda: len(leases(store)) == 3)
    folders = [store.folder(lease.run) for lease in leases(store)]
    until(lambda: all(map(living_program, folders)))
    agent.kill()
    agent.communicate()
    second = make_sweep(store, program(), values=3, cwd=tmp_path)
    waiting = start_agent(second, env=gpus.environ)
    reason = until(lambda: [a.waits_for for a in agents(store) if a.waits_for])
    assert "GPU 0: run" in reason[0]
    assert "has it" in reason[0]
    gate.rmdir()
    finish(waiting)
    assert store.counts(second.id) == {RunState.FINISHED: 3}
    assert store.counts(first.id) == {RunState.FINISHED: 3}
    assert leases(store) == []


def test_a_lease_goes_when_nothing_of_its_run_lives(store):
    run = store.add_run(new_id(), project="p", agent=str(identity()))
    store.folder(run.id).make()
    take_leases(store, run.id, ["GPU-1"], holder=str(identity()), memory_mib=None, at_most=1)
    reclaim(store)
    assert len(leases(store)) == 1
    env = {**os.environ, "HOMERUN_RUN_ID": run.id, "WANDB_DIR": str(store.folder(run.id).path)}
    child = subprocess.Popen(["sleep", "60"], env={**env, "HOMERUN_HOME": str(store.home)})
    store.end({run.id: End(state=RunState.FAILED, reason="x", ended_at=1.0)})
    reclaim(store)
    assert len(leases(store)) == 1  # what it left behind may still use the GPU
    child.kill()
    child.wait()
    reclaim(store)
    assert leases(store) == []


OUT_OF_MEMORY = """
import os, sys, time
tries = sys.argv[1] + '.tries'
with open(tries, 'a') as file:
    file.write('x')
time.sleep(0.3)
if os.path.getsize(tries) == 1:
    sys.exit('torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.')
"""


def test_out_of_gpu_memory_is_tried_again_alone(store, gpus, tmp_path):
    sweep = make_sweep(store, python(OUT_OF_MEMORY), values=2, cwd=tmp_path, homerun={"per_gpu": 2})
    told = finish(start_agent(sweep, env={**gpus.environ, "CUDA_VISIBLE_DEVICES": "0"}))
    runs = store.runs(sweep=sweep.id)
    assert [(run.state, run.attempt, run.alone) for run in runs] == [
        (RunState.FAILED, 1, ""),
        (RunState.FAILED, 1, ""),
        (RunState.FINISHED, 2, "gpu"),
        (RunState.FINISHED, 2, "gpu"),
    ], told
    assert "out of GPU memory: torch.OutOfMemoryError" in runs[0].reason
    again = {run.reason.rpartition("; tried again alone as ")[2] for run in runs[:2]}
    assert again == {run.id for run in runs[2:]}
    assert max(a.started_at for a in runs[2:]) >= min(b.ended_at for b in runs[2:])


def test_a_run_that_had_its_gpu_alone_is_not_tried_again(store, gpus, tmp_path):
    sweep = make_sweep(store, python(OUT_OF_MEMORY), cwd=tmp_path)
    finish(start_agent(sweep, env=gpus.environ))
    (run,) = store.runs(sweep=sweep.id)
    assert (run.state, run.alone) == (RunState.FAILED, "")


def test_out_of_host_memory_is_tried_again_while_nothing_else_runs(store, tmp_path):
    code = OUT_OF_MEMORY.replace(
        "sys.exit('torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.')",
        "raise MemoryError",
    )
    sweep = make_sweep(store, python(code), values=3, cwd=tmp_path)
    finish(start_agent(sweep, slots=3))
    runs = store.runs(sweep=sweep.id)
    assert [run.alone for run in runs] == ["", "", "", "host", "host", "host"]
    alone = sorted(runs[3:], key=lambda run: run.started_at)
    assert {run.state for run in alone} == {RunState.FINISHED}
    for run, following in pairwise(alone):
        assert following.started_at >= run.ended_at - 0.05


def test_learned_memory_packs_what_is_known_and_leaves_alone_what_is_not(store, gpus, tmp_path):
    options = {"cwd": tmp_path, "homerun": {"gpu_memory": "learned"}}
    known = make_sweep(store, program(0.5), values=6, **options)
    for n in range(2):  # n makes no difference, as these tell
        store.propose(known, [({"n": n}, 9)], cursor=known.cursor + 1)
        known = store.sweep(known.id)
        run = store.claim(known.id, agent="")
        peak = End(state=RunState.FINISHED, ended_at=1.0, gpu_memory_max_gib=30.0)
        store.end({run.id: peak})
    sweep = make_sweep(store, program(0.5), values=6, **options)
    finish(start_agent(sweep, env=gpus.environ))
    assert set(crowd(tmp_path).values()) == {2}  # 33 GiB reserved of 80
    (tmp_path / "places").unlink()
    unknown = make_sweep(store, [*program(0.3), "new"], values=4, **options)
    finish(start_agent(unknown, env=gpus.environ))
    assert set(crowd(tmp_path).values()) == {1}


def queue(store, sleep_s, folder, **options):
    command = [part for part in program(sleep_s) if part != "${args}"]
    return add_to_queue(store, command, project="p", cwd=str(folder), **options)


def test_the_queue_runs_large_and_cpu_runs_beside_each_other(store, gpus, tmp_path):
    small = [queue(store, 0.3, tmp_path) for _ in range(4)]
    large = queue(store, 0.2, tmp_path, gpus=3)
    small += [queue(store, 0.2, tmp_path) for _ in range(4)]
    cpu = add_to_queue(store, [sys.executable, "-c", "pass"], project="p", cwd="/", gpus=0)
    never = queue(store, 0.1, tmp_path, gpus=4)
    (told,) = finish(start_agent(None, env=gpus.environ))
    ended = {run.id: run for run in store.runs()}
    assert max(crowd(tmp_path).values()) == 1
    assert ended[never.id].state == RunState.PENDING
    assert f"run {never.number} needs 4 GPUs and 3 can be seen here" in told
    # Nobody overtook the large one, and the one without GPU waited for nobody.
    assert all(ended[large.id].started_at <= ended[run.id].started_at for run in small[4:])
    assert ended[cpu.id].started_at < ended[large.id].started_at
    assert len(ended[large.id].devices) == 3
    assert ended[cpu.id].devices == ()


def test_the_queue_goes_by_priority_and_waits_for_what_comes_before(store, tmp_path):
    order = tmp_path / "order"

    def add(name, **options):
        command = ["/bin/sh", "-c", f"echo {name} >> {order}; test {name} != bad"]
        return add_to_queue(store, command, project="p", cwd="/", **options)

    late = add("late", priority=-1)
    first = add("first")
    add("after-late", after=[late, first])
    bad = add("bad", retries=1)
    add("never", after=[bad])
    add("urgent", priority=5)
    (told,) = finish(start_agent(None))
    assert order.read_text().split() == ["urgent", "first", "bad", "bad", "late", "after-late"]
    assert store.counts()[RunState.PENDING] == 1
    assert "which has failed; homerun retry" in told


def test_a_script_that_ran_out_of_gpu_memory_is_tried_again_alone(store, gpus, tmp_path):
    folder = tmp_path / "scripts"
    (folder / "to_run").mkdir(parents=True)
    for name in ("a.py", "b.py"):
        code = OUT_OF_MEMORY.replace("sys.argv[1]", repr(str(tmp_path / name)))
        (folder / "to_run" / name).write_text(f"#!{sys.executable}\n{code}")
        (folder / "to_run" / name).chmod(0o755)
    finish(start_agent(folder, env=gpus.environ, gpus="0", per_gpu=2, exits=True))
    assert len(list((folder / "complete").iterdir())) == 2
    assert list((folder / "fail").iterdir()) == []
    assert [run.alone for run in store.runs()] == ["", "", "gpu", "gpu"]
