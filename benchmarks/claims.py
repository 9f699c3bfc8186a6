"""How many runs a second agents can take from one sweep."""

import time
from collections.abc import Iterator

from common import Row, answer, ask, below, call, folder

AGENTS = 4
RUNS = 2_000


def rows(repeats: int) -> Iterator[Row]:
    """Let four processes take all runs of a sweep; count what they got."""
    rates, doubled = zip(*(claims() for _ in range(repeats)), strict=True)
    rate = sorted(rates)[repeats // 2]
    yield Row(
        what=f"claims by {AGENTS} agents",
        mark=">= 300 a second",
        ours=rate,
        unit="a second",
        is_met=rate >= 300,
    )
    yield below("claims that two agents got, or none", max(doubled), 0, "")


def claims() -> tuple[float, int]:
    """Return claims a second, and how many runs were not taken exactly once."""
    with folder() as cwd:
        sweep = ask("homerun", "propose", RUNS, cwd=cwd)
        agents = [call("homerun", "claim", sweep, cwd=cwd) for _ in range(AGENTS)]
        while len(list(cwd.glob("ready-*"))) < AGENTS:
            assert all(agent.poll() is None for agent in agents), "an agent died"
            time.sleep(0.01)
        (cwd / "go").touch()
        results = [answer(agent) for agent in agents]
        taken = [run for result in results for run in result["ids"]]
        seconds = max(r["end"] for r in results) - min(r["start"] for r in results)
        return len(taken) / seconds, len(taken) - len(set(taken)) + abs(RUNS - len(set(taken)))
