"""A home with sweeps and runs in every state, as a program and an agent would have left it."""

import math
import time
from hashlib import sha256
from typing import Any

import msgpack

from homerun.core import End, Run, RunState, SweepRecord, friendly_name
from homerun.store import Store, fold, identity, write_json
from homerun.store import journal as jr

SPEC = {
    "program": "train.py",
    "method": "grid",
    "metric": {"name": "error_rate", "goal": "minimize"},
    "parameters": {
        "dataset": {"values": ["digits", "mnist"]},
        "learning_rate": {"values": [0.002, 0.008]},
        "model_name": {"values": ["linear", "convnet"]},
        "resize_method": {"value": "crop"},
    },
}


def grid():
    return [
        ({"dataset": d, "learning_rate": lr, "model_name": m, "resize_method": "crop"}, 0)
        for d in ("digits", "mnist")
        for lr in (0.002, 0.008)
        for m in ("linear", "convnet")
    ]


def known_id(what: str) -> str:
    """Return an id that looks like any other and is the same in every test."""
    return f"r{sha256(what.encode()).hexdigest()[:7]}"


def add_sweep(store: Store, **options) -> SweepRecord:
    """Record a sweep of eight runs, all of them pending, whose ids and names are known."""
    options = {"project": "digits", "name": "crop or squish", "planned": 8, **options}
    known = known_id(f"sweep {len(store.sweeps()) + 1}")
    sweep = store.add_sweep(SPEC, **{"sweep_id": known, **options})
    store.propose(sweep, grid(), cursor=8)
    with store.write() as db:
        for run in store.runs(sweep=sweep.id):
            run_id = known_id(f"run {run.number}")
            name = friendly_name(run_id, run.number)
            db.execute(
                "UPDATE run SET id = ?, name = ? WHERE number = ?", (run_id, name, run.number)
            )
    return store.sweep(sweep.id)


def write_journal(store: Store, run_id: str, records: list[list[Any]]) -> None:
    """Append records to a run's journal as a training program does."""
    folder = store.folder(run_id).make()
    writer = jr.open_writer(folder.path)
    for record in records:
        writer.append(msgpack.packb(record))
    writer.close()


def train(store: Store, sweep: SweepRecord, *, error: float, epochs: int = 5) -> Run:
    """Claim the next run of a sweep and log a few epochs; it stays running."""
    run = store.claim(sweep.id, agent=str(identity()))
    assert run is not None
    started = run.started_at or time.time()
    rows = [
        [jr.ROW, i, started + i, {"error_rate": error + 0.1 / (i + 1), "epoch": i}]
        for i in range(epochs)
    ]
    git = {"commit": "a9c498f" + "0" * 33, "branch": "main", "dirty": True}
    metadata = {"host": "gpu1", "git": git}
    begin = {"project": sweep.project, "argv": ["python", "train.py"], "cwd": "/home/me/digits"}
    write_journal(
        store,
        run.id,
        [
            [jr.BEGIN, {**begin, "config": {**run.config, "epochs": 5}, "metadata": metadata}],
            *rows,
            [jr.SUMMARY, {"fit_time": 12.5 * (1 + error)}, []],
        ],
    )
    folder = store.folder(run.id)
    folder.output.write_text("epoch 0\nepoch 1\n")
    write_json(folder.path / "process.json", {"program": ""})
    fold(store, run.id)
    return store.run(run.id)


def hold(store: Store, run: Run) -> int:
    """Be the living process of a run until this process ends."""
    fd = store.folder(run.id).hold()
    assert fd is not None
    return fd


def end(store: Store, run: Run, state: RunState = RunState.FINISHED, reason: str = "") -> None:
    """Record the end of a run as a supervisor does."""
    ended = End(
        state=state,
        reason=reason,
        exit_code={"finished": 0, "failed": 1}.get(state),
        ended_at=(run.started_at or 0) + 63,
        runtime_s=63.0,
        user_cpu_s=58.0,
        system_cpu_s=2.5,
        memory_max_mib=412.0,
        detail="ValueError: no such model" if state == RunState.FAILED else "",
    )
    store.folder(run.id).make().write_result(ended)
    store.end({run.id: ended})


def fill(store: Store) -> SweepRecord:
    """Fill a home: a sweep with finished, failed, killed, running and pending runs, and a run."""
    sweep = add_sweep(store, sweep_id="x3k9a2bc")
    for index, error in enumerate((0.0242, 0.031, 0.5)):
        run = train(store, sweep, error=error)
        if index == 2:
            end(store, run, RunState.FAILED, "exit code 1")
        else:
            end(store, run)
    end(store, train(store, sweep, error=math.nan), RunState.KILLED, "by you")
    hold(store, train(store, sweep, error=0.2, epochs=2))
    store.add_run("solo1234", project="paddy", name="solo", config={"lr": 1e-5}, tags=["first"])
    end(store, store.run("solo1234"))
    return store.sweep(sweep.id)
