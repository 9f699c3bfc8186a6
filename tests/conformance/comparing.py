"""Bring what both sides recorded into one form, and tell what is not the same."""

import json
import math
import re
from collections.abc import Iterable
from itertools import zip_longest
from typing import Any

from homerun.core import leaves
from tests.conformance.program import ABSENT, Program

_LEFT_OUT = re.compile(r"_wandb(\..*)?|_timestamp|_runtime|_step|(_latest_)?artifact_path")
_OWN_LINE = re.compile(r"(\x1b\[[\d;]*m)*wandb(\x1b\[[\d;]*m)*:")


def common(outcome: dict[str, Any]) -> dict[str, Any]:
    """Return an outcome in the form in which both sides are compared.

    Left out: generated ids and names, clocks, the time within a step, rows without values, what
    wandb itself prints, the artifacts that stand for logged tables and code, and the description
    of a chart beside its table. Values of one step are one row, as W&B keeps them. Hashes stand
    as #.
    """
    printed = [line for line in outcome["printed"] if not _OWN_LINE.match(line)]
    error = outcome["error"] if outcome["exit_code"] else ""  # not of one that was caught
    return {
        **outcome,
        "printed": printed,
        "error": error,
        "runs": [_run(run) for run in outcome["runs"]],
    }


def _run(run: dict[str, Any]) -> dict[str, Any]:
    rows: dict[int, dict[str, Any]] = {}
    for step, row in run["rows"]:
        rows.setdefault(step, {}).update(leaves(row))
    is_given = re.fullmatch(r"[a-z0-9]{8}", run["id"]) is None
    summary = _clean(dict(leaves(run["summary"])))
    config = {key: value for key, value in run["config"].items() if key != "_wandb"}
    return {
        **run,
        "id": run["id"] if is_given else "",
        "rows": {str(step): _clean(row) for step, row in rows.items() if _clean(row)},
        "summary": summary,
        "config": _clean(config),
        "artifacts": [
            {**artifact, "metadata": artifact["metadata"] or {}}
            for artifact in run["artifacts"]
            if artifact["type"] not in {"run_table", "code"}
        ],
        "files": {_unhashed(name): _content(name, text) for name, text in run["files"].items()},
    }


def _content(name: str, text: str) -> Any:
    return _clean(json.loads(text)) if name.endswith(".json") and text else text


def _clean(value: Any) -> Any:
    """Return a value without clocks and hashes; whole numbers as integers, as W&B writes them."""
    if isinstance(value, dict):
        is_file = "sha256" in value
        return {
            key: "#" if is_file and key in {"sha256", "size"} else _clean(inner)
            for key, inner in value.items()
            if not _LEFT_OUT.fullmatch(key) and not _is_chart(inner)
        }
    if isinstance(value, list | tuple):
        return [_clean(inner) for inner in value]
    if isinstance(value, str):
        return _unhashed(value)
    if isinstance(value, float):
        return str(value) if value != value or value in {math.inf, -math.inf} else _whole(value)
    return value


def _is_chart(value: Any) -> bool:
    return isinstance(value, dict) and value.get("_type") == "custom-chart"


def _whole(value: float) -> float:
    return int(value) if value == int(value) else value


def _unhashed(name: str) -> str:
    return re.sub(r"_([0-9a-f]{20}|[0-9a-f]{8})\.", "_#.", name)


def differences(there: Any, here: Any, path: str = "") -> Iterable[tuple[str, Any, Any]]:
    """Yield (path, the real one's, ours) for all that is not the same."""
    if isinstance(there, dict) and isinstance(here, dict):
        for key in sorted({*there, *here}):
            inner = f"{path}.{key}" if path else key
            yield from differences(there.get(key, ABSENT), here.get(key, ABSENT), inner)
    elif path in {"printed", "runs"}:
        pairs = zip_longest(there, here, fillvalue=ABSENT)
        for number, (one, other) in enumerate(pairs):
            yield from differences(one, other, f"{path}.{number}")
    elif (there, type(there)) != (here, type(here)) and not _almost(there, here):
        yield path, there, here


def _almost(there: Any, here: Any) -> bool:
    """Tell whether two numbers differ by rounding alone."""
    numbers = all(type(value) in {int, float} for value in (there, here))
    return numbers and math.isclose(there, here, rel_tol=1e-9)


def unexpected(program: Program, there: dict[str, Any], here: dict[str, Any]) -> list[str]:
    """Return the differences that the program does not announce, and those that are not there."""
    meant = {difference.path: difference for difference in program.differences}
    found = []
    for path, one, other in differences(there, here):
        known = meant.pop(path, None)
        if known is None or not (_is(known.there, one) and _is(known.here, other)):
            found.append(f"# differs: {path}: {_shown(one)} -> {_shown(other)} | ?")
    return found + [f"not so any more: {path}" for path in meant]


def _is(meant: Any, found: Any) -> bool:
    return bool(meant in ("*", found))


def _shown(value: Any) -> str:
    return ABSENT if value == ABSENT else json.dumps(value)
