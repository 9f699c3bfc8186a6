"""The module of the parallel coordinates: its logic under Node, its size, what it leaves alone."""

import json
import re
import subprocess
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd

from homerun.charts.parallel.display import module
from homerun.spec import parse, parse_expression

HERE = Path(__file__).parent
LARGEST = 56_000  # bytes of the chart, its logic and its looks
NETWORK = r"\bfetch\b|XMLHttpRequest|WebSocket|EventSource|sendBeacon|\bimport\s*\(|importScripts"


def test_logic_under_node() -> None:
    done = subprocess.run(
        ["node", "--test", str(HERE / "js" / "parallel.test.mjs")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_module_can_be_loaded(tmp_path: Path) -> None:
    (tmp_path / "module.mjs").write_text(module(), encoding="utf-8")
    script = "import('./module.mjs').then(m => console.log(m.default.render.name, m.parallel.name))"
    done = subprocess.run(
        ["node", "-e", script], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["render", "parallel"]


def test_module_stays_small_and_readable() -> None:
    text = files("homerun.charts.parallel").joinpath("parallel.js").read_bytes()
    assert len(text) <= LARGEST
    assert max(map(len, text.decode().splitlines())) <= 140  # written for readers, not minified


def test_module_needs_nothing_and_asks_nobody() -> None:
    text = module()
    assert not re.search(r"^\s*import\b", text, re.MULTILINE)
    assert not re.search(NETWORK, text)
    assert "innerHTML" not in text
    urls = set(re.findall(r"https?://[^\"'`\s]+", text))
    assert urls == {"http://www.w3.org/2000/svg"}


COUNT = 60
TEXTS = ["resnet18", "it's", 'a "b"', "x\\y", "true"]


def table() -> pd.DataFrame:
    """Make runs with numbers of all sizes, texts with quotes, truth values and gaps."""
    rng = Random(3)
    return pd.DataFrame(
        {
            "lr": [float(f"{10 ** rng.uniform(-6, 0):.7g}") for _ in range(COUNT)],
            "batch.size": [2 ** rng.randrange(3, 9) for _ in range(COUNT)],
            "class": [rng.choice(TEXTS) for _ in range(COUNT)],
            "amp": [rng.random() < 0.5 for _ in range(COUNT)],
            "momentum": [rng.choice([None, 0.8, 0.9, rng.random()]) for _ in range(COUNT)],
            "valid loss": [
                rng.choice([float("inf"), float("nan"), rng.gauss(0, 1e6)]) for _ in range(COUNT)
            ],
        }
    )


def column(df: pd.DataFrame, name: str) -> dict[str, Any]:
    """Return a column of a chart document."""
    values = df[name].tolist()
    place = {"name": name, "role": "metric" if name == "valid loss" else "config", "shown": True}
    if name in ("class", "amp"):
        levels = sorted(set(map(str, values)))
        codes = [levels.index(str(value)) for value in values]
        types = "boolean" if name == "amp" else "string"
        return {**place, "kind": "category", "levels": levels, "codes": codes, "types": types}
    finite = [value if abs(value) < float("inf") else None for value in values]
    odd = {str(row): str(v) for row, v in enumerate(values) if finite[row] is None}
    is_integer, is_log = name == "batch.size", name in ("lr", "batch.size")
    more = {"values": finite, "odd": odd, "log": is_log, "integer": is_integer}
    return {**place, "kind": "number", **more}


def brushes(rng: Random, df: pd.DataFrame) -> dict[str, Any]:
    """Draw brushes on one to three columns."""
    chosen: dict[str, dict[str, Any]] = {}
    for name in rng.sample(list(df.columns), rng.randint(1, 3)):
        missing = name in ("momentum", "valid loss") and rng.random() < 0.4
        if name in ("class", "amp"):
            levels = sorted(set(map(str, df[name])))
            chosen[name] = {"levels": rng.sample(levels, rng.randint(1, len(levels)))}
            continue
        ends = sorted(
            rng.sample(sorted(df[name][df[name].abs() < float("inf")].unique().tolist()), 4)
        )
        pairs = [ends[:2], ends[2:]][: rng.randint(1, 2)]
        ranges = [[low * (1 + rng.gauss(0, 0.01)), high] for low, high in pairs]
        chosen[name] = {"ranges": ranges, "missing": missing}
    return chosen


def test_texts_of_a_selection_choose_its_runs() -> None:
    df, rng = table(), Random(4)
    ids = [f"r{row:07d}" for row in range(COUNT)]
    cases = [brushes(rng, df) for _ in range(80)]
    given = {"columns": [column(df, str(name)) for name in df], "count": COUNT, "ids": ids}
    done = subprocess.run(
        ["node", str(HERE / "js" / "selection.mjs")],
        input=json.dumps({**given, "cases": cases}),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    for case, result in zip(cases, json.loads(done.stdout), strict=True):
        rows = result["rows"]
        assert df.query(result["query"]).index.tolist() == rows, (case, result["query"])
        if not rows:
            continue
        expression = parse_expression(result["where"], {*df.columns, "id"})
        kept = []
        for row, values in enumerate(df.to_dict("records")):
            known = {
                str(name): v for name, v in values.items() if not pd.isna(v) or name == "valid loss"
            }
            try:
                kept += [row] if expression.holds({**known, "id": ids[row]}) else []
            except KeyError:
                continue
        assert kept == rows, (case, result["where"])
        head = "program: train.py\nmethod: random\nmetric: {name: valid loss, goal: minimize}\n"
        sweep = parse(head + result["yaml"])
        assert {p.path[0] for p in sweep.parameters} <= set(df.columns)
