"""`homerun diff`: what sets runs apart, in what they were given and in what they gave."""

import textwrap
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from homerun.cli import output, words
from homerun.cli.common import argument, json_option, one_line, open_home
from homerun.core import Fact, Metric, NotFoundError, Run, UsageError, flat, side_by_side
from homerun.store import Store, cost

_KEY, _LEAST_VALUE = 28, 12  # characters of a key at most, and of a value at least
_CURVE = 12  # lines of the picture
_KEPT = 8  # characters at least before the first difference of long values
_COMMIT = 12  # characters of the name of a commit
_OWN = frozenset(  # of the metadata: what has a section of its own or differs in any two runs
    {"git", "args", "startedAt", "diff", "disk", "program", "codePath", "codePathLocal", "cwd"}
)
_COSTS: dict[str, Callable[[float], str]] = {
    "runtime_s": words.duration,
    "cpu_s": words.duration,
    "memory_max_mib": lambda mib: words.size(mib * 2**20),
    "gpu_memory_max_gib": lambda gib: words.size(gib * 2**30),
    "energy_wh": lambda wh: f"{words.number(wh)} Wh",
}

Sections = Mapping[str, Sequence[Fact]]  # by title


@dataclass(frozen=True)
class _Row:
    """A line of the table."""

    key: str
    cells: list[str]
    change: str = ""  # from the first of two runs to the second
    best: Collection[int] = ()  # indices of the runs that are better


@click.command("diff")
@argument("refs", "run", metavar="RUN RUN [RUN]...", nargs=-1, required=True)
@click.option("--all", "is_all", is_flag=True, help="Also what is the same in all of them.")
@json_option
def diff_command(*, refs: Sequence[str], is_all: bool, is_json: bool) -> None:
    """Show what sets runs apart: config, results, code, machine, packages, command and cost.

    Of two runs it also says by how much results differ. A * marks the run that is better by the
    goal of the sweep. On a terminal the curves of the metric are drawn over each other; piped
    output is tab separated.

    \b
    homerun diff 12 13
    homerun diff amber-falcon-12 13 14 --all
    homerun diff 12 13 --json | jq .config
    """
    with open_home() as store:
        runs = list({run.id: run for run in map(store.run, refs)}.values())
        if len(runs) < 2:
            raise UsageError("it takes two runs or more: homerun diff RUN RUN")
        metric = _metric(store, runs)
        every = _sections(store, runs)
        shown = every
        if not is_all:
            shown = {
                title: [fact for fact in part if not fact.is_same] for title, part in every.items()
            }
        if is_json:
            output.print_json(_document(runs, metric, shown))
        elif not output.is_pretty():
            titles = ["section", "key", *(str(run.number) for run in runs)]
            rows = [(title, f.name, *f.values) for title, part in shown.items() for f in part]
            output.print_tsv(titles, rows)
        else:
            _print(store, runs, metric, every, shown)


def _sections(store: Store, runs: Sequence[Run]) -> Sections:
    """Return everything that can be compared, by section and key."""
    git = [flat(run.metadata.get("git") or {}) for run in runs]
    machines = [
        flat({key: value for key, value in run.metadata.items() if key not in _OWN}) for run in runs
    ]
    packages = [_packages(store, run) for run in runs]
    return {
        "run": side_by_side(_facts(store, run) for run in runs),
        "config": side_by_side(flat(run.config) for run in runs),
        "results": side_by_side(flat(run.summary) for run in runs),
        "git": side_by_side(git),
        "machine": side_by_side(machines),
        "packages": side_by_side(packages) if all(packages) else [],
        "command": side_by_side(
            {"command": one_line(run.argv), "starts in": run.cwd} for run in runs
        ),
        "cost": side_by_side(_cost(store, run) for run in runs),
    }


def _facts(store: Store, run: Run) -> dict[str, Any]:
    sweep = ""
    if run.sweep:
        try:
            sweep = store.sweep(run.sweep).name
        except NotFoundError:
            sweep = run.sweep
    state = "early stop" if run.censored else str(run.state)
    facts = {"state": state, "reason": run.reason, "project": run.project, "sweep": sweep}
    more = {"tags": ", ".join(run.tags), "note": run.notes, "GPUs": " ".join(run.devices)}
    repeat = {"repeat": run.repeat or None, "attempt": run.attempt if run.attempt > 1 else None}
    return {key: value for key, value in {**facts, **more, **repeat}.items() if value}


def _cost(store: Store, run: Run) -> dict[str, Any]:
    used = cost(store, run.id)
    user, system = used.user_cpu_s, used.system_cpu_s
    return {
        "runtime_s": run.runtime_s,
        "cpu_s": None if user is None or system is None else user + system,
        "memory_max_mib": used.memory_max_mib,
        "gpu_memory_max_gib": used.gpu_memory_max_gib,
        "energy_wh": used.energy_wh,
    }


def _packages(store: Store, run: Run) -> dict[str, Any]:
    """Return the packages that a run had with their versions; empty where nobody wrote them."""
    try:
        text = (store.folder(run.id).files / "requirements.txt").read_text(errors="replace")
    except OSError:
        return {}
    parts = [line.partition("==") for line in text.splitlines()]
    return {name: version or "installed" for name, _, version in parts if name}


def _metric(store: Store, runs: Sequence[Run]) -> Metric | None:
    """Return the metric of the first run whose sweep has one."""
    for run in runs:
        try:
            metric = store.sweep(run.sweep).metric if run.sweep else None
        except NotFoundError:
            continue
        if metric is not None:
            return metric
    return None


def _document(runs: Sequence[Run], metric: Metric | None, shown: Sections) -> dict[str, Any]:
    better = [
        runs[i].id
        for fact in shown["results"]
        if metric and fact.name == metric.name
        for i in fact.best(metric.goal)
    ]
    return {
        "runs": [
            {"number": run.number, "id": run.id, "name": run.name, "sweep": run.sweep}
            for run in runs
        ],
        "metric": metric.name if metric else None,
        "goal": metric.goal if metric else None,
        "better": better[0] if better else None,
        **{title: {fact.name: fact.values for fact in part} for title, part in shown.items()},
    }


def _print(
    store: Store,
    runs: Sequence[Run],
    metric: Metric | None,
    every: Sections,
    shown: Sections,
) -> None:
    from homerun.cli.curves import curve_lines  # noqa: PLC0415  only a terminal shows them

    tables = {
        title: [_row(title, fact, metric) for fact in part] for title, part in shown.items() if part
    }
    heads = [f"{run.number} {run.name}" for run in runs]
    widths = _widths(heads, [row for rows in tables.values() for row in rows])
    if widths:
        cells = [output.fitted(head, size) for head, size in zip(heads, widths[1:], strict=False)]
        line = f"{'':{widths[0]}}  {'  '.join(cells)}"
        click.echo(output.styled(output.plain(line).rstrip(), "bold"))
    for title, rows in tables.items():
        click.echo(output.styled(title, "bold"))
        for row in rows:
            for text in _beside(row, widths) if widths else _below(row, heads):
                click.echo(text)
    if not tables:
        click.echo("the runs differ in nothing that is recorded")
    picture = curve_lines(store, runs, metric.name if metric else None, _CURVE)
    if picture:
        click.echo("\n" + "\n".join(picture))
    _say_the_rest(store, runs, every, shown)


def _row(title: str, fact: Fact, metric: Metric | None) -> _Row:
    key, values = fact.name, fact.values
    best: Collection[int] = ()
    if title == "results" and metric is not None and key == metric.name:
        best = fact.best(metric.goal)
    if title == "cost":
        cells = ["-" if value is None else _COSTS[key](value) for value in values]
    elif title == "results":
        known = [value if isinstance(value, int | float) else None for value in values]
        cells = [
            text or words.cell(value)
            for text, value in zip(words.numbers(known), values, strict=True)
        ]
    elif title == "git" and key == "commit":
        cells = [str(value)[:_COMMIT] if value else "-" for value in values]
    else:
        cells = [words.exact(value) for value in values]
    cells = [
        output.plain(cell) + (" *" if index in best else "") for index, cell in enumerate(cells)
    ]
    written = {"results": words.number, "cost": _COSTS.get(key, words.number)}.get(title)
    return _Row(output.plain(key), cells, fact.change(written) if written else "", best)


def _widths(heads: Sequence[str], rows: Sequence[_Row]) -> list[int]:
    """Return the widths of the key, each run and the change; none where they have no room."""
    key = min(_KEY, max((output.cells(row.key) for row in rows), default=0))
    change = max((output.cells(row.change) for row in rows), default=0)
    columns = [[head, *(row.cells[i] for row in rows)] for i, head in enumerate(heads)]
    wanted = [max(map(output.cells, column)) for column in columns]
    room = output.width() - key - 2 - (change + 2 if change else 0) - 2 * len(heads)
    while sum(wanted) > room:
        widest = wanted.index(max(wanted))
        if wanted[widest] <= _LEAST_VALUE:
            return []
        wanted[widest] -= 1
    return [key + 2, *wanted, change]


def _beside(row: _Row, widths: Sequence[int]) -> list[str]:
    """Return the values of a row beside each other; long ones from where they differ."""
    key, *sizes, change = widths
    texts = row.cells
    if any(output.cells(text) > size for text, size in zip(texts, sizes, strict=True)):
        texts = _apart(texts, min(sizes))
    cells = [
        output.styled(output.fitted(text, size), "green" if index in row.best else "")
        for index, (text, size) in enumerate(zip(texts, sizes, strict=True))
    ]
    label = output.styled(output.fitted(f"  {row.key}", key), "dim")
    return ["  ".join([label, *cells, f"{row.change:>{change}}"]).rstrip()]


def _below(row: _Row, heads: Sequence[str]) -> list[str]:
    """Return the values of a row below each other, where the terminal is narrow."""
    width = output.width()
    marks = [head.partition(" ")[0] for head in heads]
    size = max(map(len, marks))
    texts = row.cells
    if max(map(output.cells, texts)) > width - size - 6:
        texts = _apart(texts, width - size - 6)
    lines = [
        output.styled(
            output.cut(f"    {mark:>{size}}  {text}", width), "green" if i in row.best else ""
        )
        for i, (mark, text) in enumerate(zip(marks, texts, strict=True))
    ]
    return [output.styled(output.cut(f"  {row.key}  {row.change}", width), "dim"), *lines]


def _apart(texts: Sequence[str], room: int) -> list[str]:
    """Return long texts without what all of them begin with, but for a few words if they fit."""
    pairs = enumerate(zip(*texts, strict=False))
    same = next((i for i, letters in pairs if len(set(letters)) > 1), min(map(len, texts)))
    start = 0
    for kept in (_KEPT, 0):
        start = max(texts[0].rfind(letter, 0, max(0, same - kept)) for letter in " /") + 1
        if max(map(len, texts)) - start < room:
            break
    return [f"…{text[start:]}" for text in texts] if start else list(texts)


def _say_the_rest(
    store: Store,
    runs: Sequence[Run],
    every: Sections,
    shown: Sections,
) -> None:
    hidden = {title: len(part) - len(shown[title]) for title, part in every.items()}
    told = [f"{count:,} of {title}" for title, count in hidden.items() if count]
    if told:
        text = f"the same in all: {', '.join(told)}; --all shows them"
        output.say(textwrap.fill(text, output.width()))
    steps = []
    commits = list(
        dict.fromkeys(v for fact in every["git"] if fact.name == "commit" for v in fact.values if v)
    )
    if len(commits) > 1:
        steps.append(f"git diff {commits[0][:_COMMIT]} {commits[-1][:_COMMIT]}")
    patches = [store.folder(run.id).files / "diff.patch" for run in runs[:2]]
    if all(patch.exists() for patch in patches):
        steps.append(one_line(["diff", *map(str, patches)]))
    steps.append(f"homerun show {runs[-1].number}")
    output.say(f"\nnext: {' · '.join(steps)}")
