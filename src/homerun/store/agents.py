"""Agents at work, as others see them: what they serve, wait for and are asked to do."""

import time
from collections.abc import Sequence

from homerun.core import AgentRecord, NotFoundError
from homerun.store.documents import dumps, loads
from homerun.store.process import is_alive, parse_identity
from homerun.store.store import Store

_AGENT = "number, id, serves, slots, gpus, argv, cwd, log, waits_for, asked_to, started_at"


def add_agent(
    store: Store,
    agent_id: str,
    *,
    serves: str,
    slots: int,
    gpus: Sequence[str] = (),
    argv: Sequence[str] = (),
    cwd: str = "",
    log: str = "",
) -> AgentRecord:
    """Record that an agent is at work; `argv` has its secrets redacted."""
    with store.write() as db:
        db.execute(
            "INSERT OR REPLACE INTO agent(id, serves, slots, gpus, argv, cwd, log, started_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                agent_id,
                serves,
                slots,
                dumps(list(gpus)),
                dumps(list(argv)),
                cwd,
                log,
                time.time(),
            ),
        )
    return agent(store, agent_id)


def remove_agent(store: Store, agent_id: str) -> None:
    """Record that an agent is at work no more."""
    with store.write() as db:
        db.execute("DELETE FROM agent WHERE id = ?", (agent_id,))


def agents(store: Store) -> list[AgentRecord]:
    """Return the agents that live, oldest first; those found dead are forgotten."""
    known = [_agent(row) for row in store.rows(f"SELECT {_AGENT} FROM agent ORDER BY number")]
    dead = [record for record in known if not _lives(record)]
    for record in [] if store.is_read_only else dead:
        remove_agent(store, record.id)
    return [record for record in known if record not in dead]


def agent(store: Store, ref: str) -> AgentRecord:
    """Return the agent with this number or id; raise NotFoundError when there is none."""
    found = [record for record in agents(store) if ref in {str(record.number), record.id}]
    if not found:
        raise NotFoundError(f"no agent answers to {ref!r}; homerun agents lists those at work")
    return found[0]


def wait_for(store: Store, agent_id: str, reason: str) -> None:
    """Record what keeps a free slot of an agent empty; empty text: nothing."""
    with store.write() as db:
        db.execute("UPDATE agent SET waits_for = ? WHERE id = ?", (reason, agent_id))


def ask_agent(store: Store, agent_id: str, what: str) -> None:
    """Ask an agent to `stop` (take no more runs) or to `leave` (go at once)."""
    with store.write() as db:
        db.execute("UPDATE agent SET asked_to = ? WHERE id = ?", (what, agent_id))


def asked_to(store: Store, agent_id: str) -> str:
    """Return what an agent is asked to do, empty when nothing."""
    row = store.row("SELECT asked_to FROM agent WHERE id = ?", (agent_id,))
    return str(row[0]) if row else ""


def _lives(record: AgentRecord) -> bool:
    who = parse_identity(record.id)
    return who is not None and is_alive(who)


def _agent(row: Sequence[object]) -> AgentRecord:
    values = dict(zip(_AGENT.split(", "), row, strict=True))
    for name in ("gpus", "argv"):
        values[name] = tuple(loads(str(values[name])))
    return AgentRecord(**values)  # type: ignore[arg-type]
