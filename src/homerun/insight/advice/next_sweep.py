"""The next sweep as the plain dictionary of its file, with the reason for each line."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from homerun.insight.advice.choices import Choice, with_leaves

_KEPT = ("entity", "project", "program", "command", "metric", "description")
# Settings of a search, of its start and of its end: the small sweep is a plain grid.
_OF_SEARCH = frozenset(
    "search defaults prior budget configs stop_when_settled early_terminate order repeats".split()
)


@dataclass(frozen=True, kw_only=True)
class Line:
    """What a parameter is in the next sweep, and why."""

    values: tuple[Any, ...]  # one: it is always that
    why: str

    @property
    def setting(self) -> dict[str, Any]:
        """Return it as it stands in a sweep file."""
        if len(self.values) == 1:
            return {"value": self.values[0]}
        return {"values": list(self.values)}


@dataclass(frozen=True, kw_only=True)
class NextSweep:
    """A sweep file to be: its plain dictionary, and reasons by the path of keys."""

    tunes: tuple[str, ...]  # parameters; none: all are at their best, together for the first time
    spec: Mapping[str, Any]
    reasons: Mapping[tuple[str, ...], str]
    runs: int
    hours: float | None = None  # of all its runs together, where runtimes are known
    head: tuple[str, ...] = field(default=())  # what the file begins with, as comments

    @property
    def what(self) -> str:
        """Return what it tunes, for people."""
        return _listed(self.tunes) if self.tunes else "the best values together"

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        return {
            "tunes": list(self.tunes),
            "runs": self.runs,
            "hours": self.hours,
            "spec": copy.deepcopy(dict(self.spec)),
            "reasons": {".".join(path): text for path, text in self.reasons.items()},
        }


def next_sweep(
    lines: Mapping[tuple[str, ...], Line],
    *,
    tunes: Sequence[str],
    spec: Mapping[str, Any] | None,
    choices: Sequence[Choice],
    metric: tuple[str, str],
    repeats: int,
    why_repeats: str,
) -> NextSweep:
    """Return the grid over the values of the lines, in the manner of the old sweep file.

    `lines` are by the path of a parameter; those of the old file that have none stay as they are.
    """
    old = dict(spec or {})
    settings = {path: line.setting for path, line in lines.items()}
    if old:
        parameters = with_leaves(old["parameters"], settings)
    else:
        parameters = {path[-1]: setting for path, setting in settings.items()}
    name, goal = metric
    new: dict[str, Any] = {"name": f"{old['name']}, next"} if old.get("name") else {}
    new |= {key: old[key] for key in _KEPT if key in old}
    new.setdefault("metric", {"name": name, "goal": goal})
    if "program" not in new and "command" not in new:
        new = {"program": "train.py", **new}
    new |= {"method": "grid", "parameters": parameters}
    ours = {k: v for k, v in (old.get("homerun") or {}).items() if k not in _OF_SEARCH}
    if repeats > 1:
        ours["repeats"] = repeats
    if ours:
        new["homerun"] = ours
    reasons = {_place(path): line.why for path, line in lines.items()}
    if repeats > 1:
        reasons["homerun", "repeats"] = why_repeats
    runs = repeats
    for line in lines.values():
        runs *= len(line.values)
    for choice in choices:
        runs *= 1 if choice.path in lines else len(choice.values)
    return NextSweep(tunes=tuple(tunes), spec=new, reasons=reasons, runs=runs)


def titled(sweeps: Sequence[NextSweep]) -> list[NextSweep]:
    """Return the sweeps with what their files begin with: what they tune, and what follows."""
    texts = [f"{one.what} ({_runs(one.runs)})" for one in sweeps]
    found = []
    for at, sweep in enumerate(sweeps):
        head = [f"Sweep {at + 1} of {len(sweeps)}: {texts[at]}."]
        if at + 1 < len(sweeps):
            head.append(
                f"Then: {'; '.join(texts[at + 1 :])}. Ask homerun advise again with the results of"
                " this one: they may change what follows."
            )
        found.append(replace(sweep, head=tuple(head)))
    return found


def _place(path: tuple[str, ...]) -> tuple[str, ...]:
    """Return the keys that lead to a parameter in a sweep file."""
    return tuple(key for name in path for key in ("parameters", name))


def _listed(names: Sequence[str]) -> str:
    return " and ".join([*([", ".join(names[:-1])] if names[1:] else []), names[-1]])


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count:,} runs"
