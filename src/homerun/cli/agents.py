"""`homerun agents`, `attach`, `detach` and `stop`: agents at work."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import click
from click.shell_completion import CompletionItem

from homerun.cli import output, words
from homerun.cli.common import (
    completion_of,
    json_option,
    location,
    open_home,
    values_completion,
)
from homerun.cli.serve import say_detached, start_detached
from homerun.core import (
    ALIVE,
    AgentRecord,
    NotFoundError,
    SweepRecord,
    SweepState,
    UsageError,
    counted,
)
from homerun.store import Store, agent, agents, ask_agent, parse_identity

_TAIL = 4000  # bytes of a log that are shown first
_POLL_S = 0.2
_LEAVE_S = 30.0  # for an agent to go


def _numbers(store: Store) -> dict[str, str]:
    return {str(one.number): _serves(store, one) for one in agents(store)}


_complete_number = values_completion(_numbers)
_complete_sweep = completion_of("sweep")


def _complete_either(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    found = [*_complete_number(ctx, param, incomplete), *_complete_sweep(ctx, param, incomplete)]
    return [item for item in found if item.value not in ctx.params.get("refs", ())]


@click.command("agents")
@json_option
def agents_command(*, is_json: bool) -> None:
    """List the agents at work: where they are, what they serve, and what they wait for.

    \b
    homerun agents
    homerun agents --json | jq '.[].waits_for'
    """
    with open_home() as store:
        known = agents(store)
        running = [_running(store, record) for record in known]
        if is_json:
            pairs = zip(known, running, strict=True)
            output.print_json([_document(store, *pair) for pair in pairs])
            return
        if not known:
            output.say("no agent is at work; start one: homerun agent")
            return
        who = [parse_identity(record.id) for record in known]
        columns = [
            output.Column("AGENT", [str(record.number) for record in known], is_number=True),
            output.Column("HOST", [one.host if one else "" for one in who], rank=3),
            output.Column("PID", [str(one.pid) if one else "" for one in who], is_number=True),
            output.Column("SERVES", [_serves(store, record) for record in known], narrow=14),
            output.Column(
                "SLOTS",
                [f"{len(runs)}/{a.slots}" for a, runs in zip(known, running, strict=True)],
                is_number=True,
            ),
            output.Column("GPUS", [str(len(a.gpus) or "") for a in known], is_number=True, rank=4),
            output.Column("SINCE", [words.ago(a.started_at) for a in known], rank=5),
            output.Column("STATE", [_state(record) for record in known], is_whole=True, rank=1),
            output.Column("WAITS FOR", [record.waits_for for record in known], rank=2, narrow=20),
        ]
        hidden = output.print_table(columns)
    if "WAITS FOR" in hidden:
        for record in known:
            if record.waits_for:
                output.say(output.plain(f"agent {record.number} waits: {record.waits_for}"))


@click.command("attach")
@click.argument("ref", metavar="[AGENT]", required=False, shell_complete=_complete_number)
def attach_command(*, ref: str | None) -> None:
    """Watch what a detached agent does; Ctrl-C leaves it at work.

    \b
    homerun attach
    homerun attach 3
    """
    with open_home() as store:
        known = [record for record in agents(store) if record.log]
        record = agent(store, ref) if ref is not None else _only(known, "detached agent", "attach")
        if not record.log:
            raise UsageError(
                f"agent {record.number} works in a terminal of its own; to see it from here: "
                f"homerun top; to move it out of there: homerun detach {record.number}"
            )
        try:
            with Path(record.log).open("rb") as log:
                _follow(store, record, log)
        except KeyboardInterrupt:
            output.say(f"agent {record.number} works on; to end it: homerun stop {record.number}")
            return
    output.say(f"agent {record.number} has ended")


@click.command("detach")
@click.argument("ref", metavar="[AGENT]", required=False, shell_complete=_complete_number)
def detach_command(*, ref: str | None) -> None:
    """Let an agent outlive its terminal: another one takes over its runs and goes on.

    \b
    homerun detach
    homerun detach 2
    """
    with open_home() as store:
        known = [record for record in agents(store) if not record.log]
        one = (
            agent(store, ref) if ref is not None else _only(known, "agent in a terminal", "detach")
        )
        if one.log:
            raise UsageError(f"agent {one.number} is detached already; see: homerun attach")
        if not one.argv:
            raise UsageError(f"agent {one.number} was started by a program; that has to stay")
        _leave(store, one)
        say_detached(start_detached(store, one.argv, cwd=Path(one.cwd)))


@click.command("stop")
@click.argument("refs", metavar="SWEEP|AGENT...", nargs=-1, shell_complete=_complete_either)
@click.option("--all", "is_all", is_flag=True, help="All agents.")
@click.option("--now", is_flag=True, help="Agents go at once; what runs goes on without them.")
def stop_command(*, refs: Sequence[str], is_all: bool, now: bool) -> None:
    """Start no more runs: of a sweep, or by an agent (its number); what runs comes to its end.

    \b
    homerun stop x3k9a2bc
    homerun stop 2
    homerun stop --all --now
    """
    if not refs and not is_all:
        raise UsageError("name a SWEEP or AGENT, or give --all; homerun agents lists them")
    with open_home() as store:
        chosen = agents(store) if is_all else []
        sweeps = []
        for ref in refs:
            if ref.isdecimal():
                chosen.append(agent(store, ref))
            else:
                sweeps.append(store.sweep(ref))
        for sweep in sweeps:
            _stop_sweep(store, sweep)
        for record in {record.id: record for record in chosen}.values():
            if now:
                _leave(store, record)
                output.say(f"agent {record.number} has gone; what ran goes on")
                continue
            ask_agent(store, record.id, "stop")
            output.say(
                f"agent {record.number} takes no more; "
                f"{counted(len(_running(store, record)), 'run')} to finish"
            )
        if is_all and not chosen:
            output.say("no agent is at work")


def _stop_sweep(store: Store, sweep: SweepRecord) -> None:
    store.set_sweep(sweep.id, SweepState.FINISHED, "stopped by the user")
    running = len(store.runs(sweep=sweep.id, states=ALIVE))
    output.say(
        f"sweep {sweep.id} starts no more; {counted(running, 'run')} to finish; "
        f"to go on: homerun resume {sweep.id}"
    )


def _leave(store: Store, record: AgentRecord) -> None:
    """Have an agent go, and wait until it has."""
    ask_agent(store, record.id, "leave")
    deadline = time.monotonic() + _LEAVE_S
    while any(known.id == record.id for known in agents(store)):
        if time.monotonic() > deadline:
            raise UsageError(
                f"agent {record.number} has not gone within {_LEAVE_S:.0f} s; see: homerun agents"
            )
        time.sleep(0.05)


def _only(known: Sequence[AgentRecord], what: str, command: str) -> AgentRecord:
    if len(known) == 1:
        return known[0]
    if not known:
        raise NotFoundError(f"there is no {what}; homerun agents lists those at work")
    numbers = ", ".join(str(record.number) for record in known)
    raise UsageError(f"which one? homerun {command} takes one of {numbers}; see: homerun agents")


def _follow(store: Store, record: AgentRecord, log: BinaryIO) -> None:
    """Show a log from its last lines on, until its agent has ended."""
    size = log.seek(0, os.SEEK_END)
    log.seek(max(0, size - _TAIL))
    if size > _TAIL:
        log.readline()
    while True:
        # First whether it lives, then its log: all that it wrote is shown.
        lives = any(known.id == record.id for known in agents(store))
        while data := log.read(1 << 16):
            click.echo(data.decode(errors="replace"), nl=False)
        if not lives:
            return
        time.sleep(_POLL_S)


def _running(store: Store, record: AgentRecord) -> list[str]:
    return [run.id for run in store.runs(states=ALIVE) if run.agent == record.id]


def _serves(store: Store, record: AgentRecord) -> str:
    if not record.serves:
        return "the whole queue"
    if record.serves.startswith("/"):
        return record.serves
    try:
        sweep = store.sweep(record.serves)
    except NotFoundError:
        return record.serves
    return location(sweep.project, sweep.name)


def _state(record: AgentRecord) -> str:
    if record.asked_to:
        return "stopping" if record.asked_to == "stop" else "leaving"
    return "detached" if record.log else "at work"


def _document(store: Store, record: AgentRecord, running: Sequence[str]) -> dict[str, Any]:
    who = parse_identity(record.id)
    return {
        "number": record.number,
        "host": who.host if who else None,
        "pid": who.pid if who else None,
        "serves": record.serves,
        "name": _serves(store, record),
        "slots": record.slots,
        "gpus": record.gpus,
        "runs": running,
        "waits_for": record.waits_for,
        "asked_to": record.asked_to,
        "cwd": record.cwd,
        "log": record.log or None,
        "started_at": record.started_at,
    }
