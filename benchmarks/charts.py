"""Measure homerun's parallel coordinates beside others and write charts_results.md and .json.

make bench-charts
.venv/bin/python benchmarks/charts.py --runs 500 --only ours floor --repeats 1

Needs Chromium and npm (Debian: chromium, npm). The same mouse moves over each page; the floor is a
canvas without any library, in programs/charts_floor.html.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from common import HERE, PROGRAMS, environment, folder, peers_python, processor, say

sys.path.append(str(HERE.parent / "tests"))
NAMES = {
    "ours": "homerun",
    "floor": "bare canvas",
    "hiplot": "HiPlot",
    "echarts": "ECharts",
    "plotly": "plotly",
}
RUNS = (500, 5_000, 10_000, 20_000)
ECHARTS = "6.1.0"
MODULE_BYTES = 40_000
HOVER_PX = "hover, fewest pixels changed"
LEAST_HOVER_PX = 1_000
ONCE_S = 60.0  # a peer whose page takes longer is not measured again
Outcome = Mapping[str, Any]  # of one page, as programs/charts_mouse.py prints it


@dataclass(frozen=True)
class Measure:
    """A number of a page, and what it must be for ours, by how many runs are shown."""

    what: str
    read: Callable[[Outcome], float | None]
    most: Mapping[int, float] | float | None = None
    least: float | None = None
    most_of_floor: Mapping[int, float] | None = None

    def limit(self, runs: int) -> float | None:
        """Return the mark's upper end."""
        return self.most.get(runs) if isinstance(self.most, Mapping) else self.most

    def mark(self, runs: int) -> str:
        """Return the mark in words, empty where there is none."""
        words = []
        if self.limit(runs) is not None:
            words.append(f"<= {self.limit(runs):,g}" if self.limit(runs) else "0")
        if self.least is not None:
            words.append(f"> {self.least:,g}")
        if self.most_of_floor and runs in self.most_of_floor:
            words.append(f"<= {self.most_of_floor[runs]:g} x bare canvas")
        return ", ".join(words)

    def is_met(self, runs: int, ours: float, floor: float | None) -> bool:
        """Return whether our number is within the mark."""
        factor = (self.most_of_floor or {}).get(runs)
        return (
            (self.limit(runs) is None or ours <= self.limit(runs))
            and (self.least is None or ours > self.least)
            and (factor is None or floor is None or ours <= factor * floor)
        )


MEASURES = (
    Measure("page, kB", lambda page: page["html_bytes"] / 1000, most={500: 120}),
    Measure("first draw, ms", lambda page: page["first_ms"], most={10_000: 400}),
    Measure("settled, ms", lambda page: page["settled_ms"], most={10_000: 1500}),
    Measure("until then, CPU ms", lambda page: page["draw_cpu_ms"]),
    Measure(
        "hover, script ms a move",
        lambda page: page["hover"]["script_ms"],
        most={10_000: 1.5, 20_000: 1.5},
        most_of_floor={10_000: 2, 20_000: 2},
    ),
    Measure("hover, CPU ms a move", lambda page: page["hover"]["cpu_ms"]),
    Measure(
        "hover, p95 ms to the frame",
        lambda page: page["hover"]["p95_ms"],
        most={10_000: 33, 20_000: 33},
    ),
    Measure(HOVER_PX, lambda page: min(page["hover_px"]), least=LEAST_HOVER_PX),
    Measure("brush, CPU ms a move", lambda page: page["brush"]["cpu_ms"], most={10_000: 25}),
    Measure(
        "brush, p95 ms to the frame",
        lambda page: page["brush"]["p95_ms"],
        most={10_000: 50, 20_000: 125},
    ),
    Measure("brush, pixels changed", lambda page: page["brush_px"], least=10_000),
    Measure("requests to a network", lambda page: len(page["requests"]), most=0),
    Measure("errors on the console", lambda page: len(page["errors"]), most=0),
)


@dataclass(frozen=True, kw_only=True)
class Line:
    """A row of the report: a measure at a number of runs, for all charts."""

    runs: int
    what: str
    mark: str
    is_met: bool | None
    values: Mapping[str, float | None]


def main() -> None:
    """Draw, hover and brush all charts in turns, and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=NAMES, help="print these, write nothing")
    parser.add_argument("--runs", nargs="+", type=int, help="print these, write nothing")
    parser.add_argument("--repeats", type=int, default=3, help="the median of so many (default 3)")
    parser.add_argument("--pictures", type=Path, help="keep screenshots in this folder")
    args = parser.parse_args()
    charts, counts = args.only or list(NAMES), args.runs or RUNS
    with folder() as work:
        pictures = args.pictures or work
        pictures.mkdir(parents=True, exist_ok=True)
        pages = {(chart, runs): page(chart, runs, work) for runs in counts for chart in charts}
        outcomes: dict[tuple[str, int], list[Outcome]] = {key: [] for key in pages}
        for repeat in range(args.repeats):
            for (chart, runs), path in pages.items():
                say(f"{NAMES[chart]}, {runs:,} runs, {repeat + 1} of {args.repeats}")
                past = outcomes[chart, runs]
                if not past or past[-1]["took_s"] < ONCE_S or chart in {"ours", "floor"}:
                    past.append(driven(chart, path, pictures))
    found = facts()
    text = report(list(lines(outcomes, charts, counts)), outcomes, charts, found, args.repeats)
    if args.only or args.runs:
        print(text)
        return
    (HERE / "charts_results.md").write_text(text)
    kept = [
        {"chart": chart, "runs": runs, "repeats": past} for (chart, runs), past in outcomes.items()
    ]
    rows = [asdict(line) for line in lines(outcomes, charts, counts)]
    results = {"facts": found, "rows": rows, "pages": kept}
    (HERE / "charts_results.json").write_text(json.dumps(results, indent=1) + "\n")
    say(f"Written: {HERE / 'charts_results.md'} and .json")


def page(chart: str, runs: int, work: Path) -> Path:
    """Write the page of a chart."""
    path = work / f"{chart}-{runs}.html"
    python = sys.executable if chart == "ours" else peers_python("charts_peers.txt")
    command = [python, "-P", PROGRAMS / "charts_page.py", chart, str(runs), path]
    subprocess.run(
        [*command, *([echarts()] if chart == "echarts" else [])],
        env=environment(work),
        check=True,
    )
    return path


def echarts() -> Path:
    """Return the script of ECharts, fetched when it is first needed."""
    from environments import cache_folder

    path = cache_folder() / f"echarts-{ECHARTS}.js"
    if not path.exists():
        with folder() as work:
            subprocess.run(["npm", "pack", "--silent", f"echarts@{ECHARTS}"], cwd=work, check=True)
            packed = work / f"echarts-{ECHARTS}.tgz"
            shutil.unpack_archive(packed, work, filter="data")
            shutil.move(work / "package" / "dist" / "echarts.min.js", path)
    return path


def driven(chart: str, path: Path, pictures: Path) -> Outcome:
    """Move the mouse over a page in a browser of its own."""
    command = [peers_python("charts_peers.txt"), PROGRAMS / "charts_mouse.py"]
    done = subprocess.run(
        [*command, pictures.resolve(), chart, path], stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout)


def lines(
    outcomes: Mapping[tuple[str, int], list[Outcome]], charts: Iterable[str], counts: Iterable[int]
) -> Iterator[Line]:
    """Return the medians of all measures; what was not reached is None."""
    for runs in counts:
        for measure in MEASURES:
            values = {chart: median(measure, outcomes[chart, runs]) for chart in charts}
            ours, mark = values.get("ours"), measure.mark(runs)
            is_met = measure.is_met(runs, ours, values.get("floor")) if ours is not None else False
            yield Line(
                runs=runs,
                what=measure.what,
                mark=mark,
                is_met=is_met if mark and "ours" in values else None,
                values=values,
            )


def median(measure: Measure, past: Iterable[Outcome]) -> float | None:
    """Return the middle of repeats."""
    found = []
    for outcome in past:
        try:
            found.append(measure.read(outcome))
        except KeyError:  # the page could not be driven so far
            continue
    found = [value for value in found if value is not None]
    return statistics.median(found) if found else None


def facts() -> dict[str, Any]:
    """Return what the figures depend on."""
    chromium = subprocess.run(
        ["chromium", "--version"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    return {
        "homerun": version("homerun"),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "browser": chromium.stdout.strip(),
        "machine": f"{os.cpu_count()} cores, {processor()}",
        "load": f"{os.getloadavg()[2]:.1f}",
        "module_bytes": module_bytes(),
    }


def report(
    rows: Sequence[Line],
    outcomes: Mapping[tuple[str, int], list[Outcome]],
    charts: list[str],
    found: Mapping[str, Any],
    repeats: int,
) -> str:
    """Return the report as Markdown."""
    pins = (HERE / "charts_peers.txt").read_text().split()
    peers = [pin for pin in pins if pin.split("==")[0] in NAMES] + [f"echarts=={ECHARTS}"]
    sizes = found["module_bytes"]
    largest, most = max(sizes["files"].items(), key=lambda file: file[1])
    total = sum(sizes["files"].values())
    times = "one repeat"
    if repeats > 1:
        times = f"medians of {repeats} repeats in turns (one, if a peer's page takes over a minute)"
    text = [
        "# Parallel coordinates",
        "",
        f"homerun {found['homerun']} on {found['date']}: {found['browser']}, headless and without "
        f"a GPU; {found['machine']}, load {found['load']} in the last quarter of an hour. Peers: "
        f"{', '.join(peers)}. Written by `make bench-charts`: {times}, each in a new browser, with "
        "the same moves of the mouse. Runs have three categorical, three logarithmic and two "
        "linear columns. CPU is that of the page's main "
        "thread; `x` compares with the bare canvas, which does what any chart must do. No hover: "
        f"the chart does not show the run under the mouse ({LEAST_HOVER_PX:,} pixels or fewer "
        "change).",
        "",
        f"The largest file of the chart, {largest}, has {most:,} bytes (mark: <= "
        f"{MODULE_BYTES:,}): {'met' if most <= MODULE_BYTES else '**not met**'}. All "
        f"{len(sizes['files'])} files together have {total:,}, which is "
        f"{total / MODULE_BYTES:.2g} times the mark; a page carries {sizes['joined']:,}, as one "
        f"module without imports and comments, and {sizes['style']:,} of style.",
    ]
    count = None
    blind = {
        (chart, row.runs)
        for row in rows
        for chart, value in row.values.items()
        if row.what == HOVER_PX and value is not None and value <= LEAST_HOVER_PX
    }
    for row in rows:
        if row.runs != count:
            count = row.runs
            names = " | ".join(NAMES[chart] for chart in charts)
            text += ["", f"## {count:,} runs", "", f"| what | mark | met | {names} |"]
            text += ["|---" * (3 + len(charts)) + "|"]
        met = "" if row.is_met is None else "yes" if row.is_met else "**no**"
        is_hover = row.what.startswith("hover, ") and row.what != HOVER_PX
        cells = " | ".join(
            "no hover" if is_hover and (chart, row.runs) in blind else cell(row, chart)
            for chart in charts
        )
        text.append(f"| {row.what} | {row.mark} | {met} | {cells} |")
    failures = [
        f"- {NAMES[chart]} at {runs:,} runs: {past[-1]['failure']}"
        for (chart, runs), past in outcomes.items()
        if past and "failure" in past[-1]
    ]
    if failures:
        text += ["", "Could not be driven to the end:", "", *failures]
    return "\n".join([*text, ""])


def cell(row: Line, chart: str) -> str:
    """Return a number, and how many times the floor's it is where that is a question of speed."""
    value, floor = row.values[chart], row.values.get("floor")
    if value is None:
        return "-"
    text = f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"
    is_speed = " ms" in row.what and floor and chart != "floor"
    return f"{text} ({value / floor:.2g} x)" if is_speed else text


def module_bytes() -> dict[str, Any]:
    """Return the sizes of our files as they are written, and of what a page has of them."""
    from homerun.charts.parallel.display import module, style

    room = Path(find_spec("homerun.charts").origin).parent / "parallel"
    return {
        "files": {path.name: path.stat().st_size for path in sorted(room.glob("*.js"))},
        "joined": len(module().encode()),
        "style": len(style().encode()),
    }


if __name__ == "__main__":
    main()
