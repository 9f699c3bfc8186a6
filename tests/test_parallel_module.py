"""The module of the parallel coordinates: its logic under Node, its size, what it leaves alone."""

import json
import os
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
import pytest

import homerun as hr
from homerun.charts.modules import joined
from homerun.charts.parallel import document
from homerun.charts.parallel.display import module, style
from homerun.spec import parse, parse_expression
from homerun.store import Store

HERE = Path(__file__).parent
ROOM = Path(str(files("homerun.charts.parallel")))
PARTS = sorted(path.name for path in ROOM.glob("*.js"))
LARGEST = 18_000  # bytes of one file; the goal of the whole chart was 40,000
LARGEST_SUM, LARGEST_JOINED = 65_000, 55_000  # bytes of all files; of what a page carries
BROADEST = 150  # columns: written for readers, not minified
NETWORK = r"\bfetch\b|XMLHttpRequest|WebSocket|EventSource|sendBeacon|\bimport\s*\(|importScripts"


def node(*arguments: str, given: str = "") -> str:
    done = subprocess.run(
        ["node", *arguments], input=given, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_logic_under_node() -> None:
    node("--test", str(HERE / "js" / "parallel.test.mjs"))


def test_the_joined_module_gives_what_its_entry_gives(tmp_path: Path) -> None:
    """Were two things on top levels named alike, Node would refuse to load it."""
    (tmp_path / "joined.mjs").write_text(module(), encoding="utf-8")
    script = "console.log(JSON.stringify(Object.keys(await import(process.argv[1]))));"
    names = json.loads(node("--input-type=module", "-e", script, str(tmp_path / "joined.mjs")))
    assert names == ["default"]


def test_files_import_what_lies_beside_them_and_never_in_a_circle() -> None:
    needs = {
        name: re.findall(r'^import .* from "\./(.*)";$', (ROOM / name).read_text(), re.MULTILINE)
        for name in PARTS
    }
    assert needs["columns.js"] == needs["dom.js"] == []
    ready: set[str] = set()
    while len(ready) < len(PARTS):
        free = {name for name in PARTS if name not in ready and ready >= set(needs[name])}
        assert free, f"a circle among {set(PARTS) - ready}"
        ready |= free


@pytest.mark.parametrize("name", PARTS)
def test_each_file_stays_small_and_readable(name: str) -> None:
    text = (ROOM / name).read_text(encoding="utf-8")
    assert len(text.encode()) <= LARGEST
    assert max(map(len, text.splitlines())) <= BROADEST


def test_all_files_together_stay_small() -> None:
    assert sum((ROOM / name).stat().st_size for name in PARTS) <= LARGEST_SUM
    assert len(module().encode()) <= LARGEST_JOINED


def test_modules_are_joined_each_after_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = tmp_path / "some_room"
    room.mkdir()
    (room / "__init__.py").touch()
    (room / "a.js").write_text(
        'import { b } from "./b.js";\nimport {\n\tc,\n} from "./c.js";\n\n// why\n'
        'export const a = b + c; // "//"\nconst text = `\nimport x\n`;\n'
    )
    (room / "b.js").write_text(
        'import { c } from "./c.js";\n/** What\n * it is. */\nexport const b = c; // so\n'
    )
    (room / "c.js").write_text("export const c = 1;\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    expected = (
        "const c = 1;\n\nconst b = c;\n\n"
        'export const a = b + c; // "//"\nconst text = `\nimport x\n`;\n'
    )
    assert joined("some_room", "a.js") == expected


def test_module_needs_nothing_and_asks_nobody() -> None:
    text = module()
    assert not re.search(r'^\s*import\b|^export .* from "', text, re.MULTILINE)
    assert not re.search(NETWORK, text)
    assert "innerHTML" not in text
    urls = set(re.findall(r"https?://[^\"'`\s]+", text))
    assert urls == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"url\(|@import", style())


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


def selections(given: dict[str, Any]) -> list[dict[str, Any]]:
    """Return for each case the rows and the texts of the selection."""
    found: list[dict[str, Any]] = json.loads(
        node(str(HERE / "js" / "selection.mjs"), given=json.dumps(given))
    )
    return found


def test_texts_of_a_selection_choose_its_runs() -> None:
    df, rng = table(), Random(4)
    ids = [f"r{row:07d}" for row in range(COUNT)]
    cases = [brushes(rng, df) for _ in range(80)]
    given = {"columns": [column(df, str(name)) for name in df], "count": COUNT, "ids": ids}
    results = selections({**given, "cases": cases})
    for case, result in zip(cases, results, strict=True):
        rows = result["rows"]
        assert df.query(result["query"]).index.tolist() == rows, (case, result["query"])
        if not rows:
            continue
        expression = parse_expression(result["where"], {*df.columns, "id"})
        kept = []
        for row, values in enumerate(df.to_dict("records")):
            named = {str(name): value for name, value in values.items()}
            kept += [row] if expression.matches({**named, "id": ids[row]}) else []
        assert kept == rows, (case, result["where"])
        head = "program: train.py\nmethod: random\nmetric: {name: valid loss, goal: minimize}\n"
        sweep = parse(head + result["yaml"])
        assert {p.path[0] for p in sweep.parameters} <= set(df.columns)


VALUES = [1.0, 2.5, None, float("nan"), float("inf"), float("-inf"), 7.0]
WORDS = ["plain", "it's", 'a "b"', "$HOME `x`", "both ' and \"", None, "x\\y"]


def test_the_copied_filter_lists_the_brushed_runs(home: Path) -> None:
    with Store(home) as store:
        for number, (value, word) in enumerate(zip(VALUES, WORDS, strict=True)):
            config = {"lambda": value, "word": word, "n": number}
            store.add_run(f"r{number}", project="p", name=f"run {number}", config=config)
        store.add_run("r7", project="p", name="run 7", config={"n": 7, "word": "plain"})
    df = hr.runs(project="p").sort_values("n", ignore_index=True)
    made = document(df, columns=["lambda", "word", "n"])
    cases: list[dict[str, Any]] = [
        {"lambda": {"missing": True}},
        {"lambda": {"ranges": [[0, 2]], "missing": True}},
        {"lambda": {"ranges": [[0, 9]]}},
        {"n": {"ranges": [[0, 9]]}},
        {"word": {"levels": [word for word in WORDS if word]}, "n": {"ranges": [[1, 6]]}},
        *({"word": {"levels": [word]}} for word in WORDS if word),
        {"word": {"missing": True}},
        {"word": {"levels": ["plain"], "missing": True}, "lambda": {"missing": True}},
    ]
    given = {key: made[key] for key in ("columns", "count", "ids")}
    results = selections({**given, "ref": "p", "cases": cases})
    assert [result["rows"] for result in results][:4] == [
        [2, 3, 4, 5, 7],
        [0, 2, 3, 4, 5, 7],
        [0, 1, 6],
        [*range(8)],
    ]
    assert [result["where"] for result in results][:3] == [
        "(`lambda` == null or not (-1e999 < `lambda` < 1e999))",
        "(1 <= `lambda` <= 1 or `lambda` == null or not (-1e999 < `lambda` < 1e999))",
        "1 <= `lambda` <= 7",
    ]
    for case, result in zip(cases, results, strict=True):
        done = subprocess.run(
            ["sh", "-c", f"{result['command']} --json"],
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        listed = sorted(run["id"] for run in json.loads(done.stdout))
        assert listed == [f"r{row}" for row in result["rows"]], (case, result["command"])
