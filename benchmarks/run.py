"""Measure homerun beside its peers and write benchmarks/results.md and results.json.

make bench
.venv/bin/python benchmarks/run.py --only log kill
"""

import argparse
import json
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version

import agent
import claims
import frames
import kill
import log
import startup
from common import HERE, LABELS, Row, peers_python, processor, say

BENCHMARKS = {
    "log": log.rows,
    "kill": kill.rows,
    "startup": startup.rows,
    "frames": frames.rows,
    "agent": agent.rows,
    "claims": claims.rows,
}


def main() -> None:
    """Run the benchmarks that were asked for; the report is written when all of them ran."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, help="print these, write nothing")
    parser.add_argument("--repeats", type=int, default=3, help="the median of so many (default 3)")
    args = parser.parse_args()
    peers_python()
    rows: list[Row] = []
    for name in args.only or BENCHMARKS:
        say(f"{name} ...")
        for row in BENCHMARKS[name](args.repeats):
            rows.append(row)
            say(line(row))
    if not args.only:
        (HERE / "results.md").write_text(report(rows, args.repeats))
        (HERE / "results.json").write_text(
            json.dumps([asdict(row) for row in rows], indent=1) + "\n"
        )
        say(f"Written: {HERE / 'results.md'} and results.json")


def report(rows: Iterable[Row], repeats: int) -> str:
    """Return the report as Markdown."""
    pins = ", ".join((HERE / "peers.txt").read_text().split())
    return "\n".join(
        [
            "# Speed and size",
            "",
            f"homerun {version('homerun')} on {datetime.now(UTC):%Y-%m-%d}: Python "
            f"{platform.python_version()}, {os.cpu_count()} cores, {processor()}. Peers: {pins}. "
            f"Written by `make bench`: medians of {repeats} interleaved repeats, each in a new "
            "process with a new folder. CPU is that of the process, its threads and its children. "
            "The peers ran with statistics and console capture off, homerun as it is by default.",
            "",
            "| what | mark | homerun | met | peers |",
            "|---|---|---|---|---|",
            *map(line, rows),
            "",
        ]
    )


def line(row: Row) -> str:
    """Return a row of the table."""
    ours = f"{figure(row.ours)} {row.unit}".strip() + (f" ({row.note})" if row.note else "")
    peers = ", ".join(
        f"{LABELS.get(name, name)} {figure(value)}{ratio(value, row.ours)}"
        for name, value in row.peers.items()
    )
    met = "" if not row.mark else "yes" if row.is_met else "**no**"
    return f"| {row.what} | {row.mark} | {ours} | {met} | {peers} |"


def ratio(peer: float, ours: float) -> str:
    """Return how many times as much a peer needs, where that can be said."""
    return f" ({figure(peer / ours)}x)" if ours > 0 and peer > 0 else ""


def figure(value: float) -> str:
    """Return a number with three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


if __name__ == "__main__":
    main()
