"""A report on runs: one page, whole and safe, whatever the runs were."""

import json
import os
import pty
import re
import subprocess
import time
from html.parser import HTMLParser
from itertools import product

import numpy as np
import pandas as pd
import pytest

import homerun as hr
from homerun.agent import create_sweep
from homerun.charts.live import Bundle, data_of
from homerun.charts.live.bundle import opening
from homerun.core import End, RunState, UsageError
from homerun.search import fill
from homerun.spec import from_dict
from homerun.store import Store
from tests.cli_call import HOMERUN, attempt, call
from tests.finished_sweeps import finish

SWEEP = {
    "method": "grid",
    "name": "<script>alert(1)</script>",
    "command": ["true", "${args}"],
    "metric": {"name": "error", "goal": "minimize"},
    "parameters": {
        "resize": {"values": ["crop", "<b>squish</b>"]},
        "lr": {"values": [1e-4, 1e-3, 1e-2]},
        "model": {"values": ["convnext", "vit"]},
        "seed": {"values": [0, 1, 2]},
    },
}
_VOID = {"meta", "br", "hr", "img"}
_FETCHING = {"script", "link", "iframe", "img", "object", "embed", "audio", "video", "image", "use"}


class Page(HTMLParser):
    """A page that was read: its tags in balance, its texts, its attributes."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text, self.attributes = [], [], "", []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def read(text):
    """Return a page that needs nothing from elsewhere and runs nothing."""
    page = Page(text)
    assert not _FETCHING & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name == "href"]
    without = text.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?:|url\(|@import|src=", without)
    return page


def look(text):
    """Return a page with pictures: what runs in it stands in it, and it fetches nothing."""
    page = Page(text)
    assert not (_FETCHING - {"script", "iframe"}) & set(page.tags)
    names = {name for name, _ in page.attributes}
    assert not [name for name in names if name.startswith("on") or name in {"href", "src"}]
    frames = [value for name, value in page.attributes if name == "srcdoc"]
    assert page.tags.count("iframe") == len(frames)
    for frame in frames:
        assert "default-src 'none'" in frame
    for part in (text, *frames):
        assert not re.search(r"https?:(?!//www.w3.org/2000/svg)|@import|\bfetch\(", part)
    return page


def error(config, place):
    bowl = 0.1 * (np.log10(config["lr"]) + 3) ** 2 + 0.3 * (config["model"] == "vit")
    squish = 0.1 * (config["resize"] != "crop")
    return float(0.05 * np.exp(bowl + squish + 0.02 * np.random.default_rng(place).normal()))


def grid(seed=0):
    rows = product(["crop", "squish"], [1e-4, 1e-3, 1e-2], ["convnext", "vit"], range(3))
    df = pd.DataFrame(list(rows), columns=["resize", "lr", "model", "seed"])
    df["error"] = [error(row, seed * 99 + i) for i, row in enumerate(df.to_dict("records"))]
    return df


def big(n=1000):
    rng = np.random.default_rng(0)
    df = pd.DataFrame({f"x{i}": 10 ** rng.uniform(-4, 0, n) for i in range(8)})
    for i in range(6):
        df[f"n{i}"] = rng.choice([16, 32, 64, 128], n)
        df[f"c{i}"] = rng.choice(list("abcd"), n)
    logs = 0.3 * (np.log10(df.x0) + 2) ** 2 + 0.2 * (df.c0 == "b") + rng.normal(0, 0.1, n)
    return df.assign(loss=0.1 * np.exp(logs))


PARTS = (
    "All runs",
    "Questions and answers",
    "Value against value",
    "What matters",
    "Best runs",
    "What to do next",
    "How it went",
    "What it cost",
)


@pytest.fixture
def store(home):
    with Store(home) as found:
        yield found


# the page of a sweep


def test_page_of_a_sweep(store, tmp_path):
    record = finish(store, SWEEP, error, n=36)
    target = tmp_path / "report.html"
    done = call("report", record.id, "-o", str(target))
    assert str(target) in done.stderr
    text = target.read_text()
    page = look(text)
    assert page.tags.count("svg") >= 5
    assert page.tags.count("iframe") == 1
    said = page.text.replace("\xa0", " ")
    assert "tests > <script>alert(1)</script>" in said
    places = [said.index(heading) for heading in PARTS]
    assert places == sorted(places)
    for claim in ("lr 0.001", "model convnext", "resize crop"):
        assert re.search(rf"Fix [^.]*(?:0\.001[^.]*)?{claim}", said)
    assert "<b>squish</b> costs" in said
    assert "crop ahead in 6 of 6 contexts" in said
    assert f"homerun advise {record.id} -o next.yaml" in said
    assert "36 finished" in said
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_markdown_of_a_sweep(store, tmp_path):
    record = finish(store, SWEEP, error, n=36)
    target = tmp_path / "report.md"
    call("report", record.id, "-o", str(target))
    text = target.read_text()
    assert text.startswith("# tests &gt; &lt;script&gt;alert(1)&lt;/script&gt;\n")
    assert "<" not in text
    widths = [line.count(" | ") for line in text.splitlines() if line.startswith("| ")]
    assert len(widths) > 10
    assert "## Best runs" in text
    assert "svg" not in text


def test_it_is_printed_and_json(store, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    record = finish(store, SWEEP, error, n=36)
    done = call("report", record.id)
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
    assert "Settled:  Fix " in done.stdout
    document = json.loads(call("report", record.id, "--json").stdout)
    assert [one["about"] for one in document["lessons"]][:3] == ["Best", "Settled", "Matters"]
    questions = document["sections"][0]["table"]
    assert {row["parameter"]: row["answer"] for row in questions}["lr"] == "fix 0.001"


def test_a_file_with_another_ending_is_refused(store, tmp_path):
    record = finish(store, SWEEP, error, n=4)
    done = attempt("report", record.id, "-o", tmp_path / "report.pdf")
    assert done.returncode == 2
    assert "must end in .html, .htm, .md" in done.stderr


def test_three_runs(store, tmp_path):
    record = finish(store, SWEEP, error, n=3)
    target = tmp_path / "report.html"
    call("report", record.id, "-o", str(target))
    assert "3 finished" in look(target.read_text()).text


def test_all_failed(store, tmp_path):
    sweep = from_dict(SWEEP)
    record = create_sweep(store, sweep, cwd=tmp_path, project="tests")
    filled = fill(sweep, cursor=0, n=3)
    store.propose(record, filled.proposals, cursor=filled.cursor)
    end = End(state=RunState.FAILED, ended_at=time.time(), runtime_s=60.0)
    store.end({store.claim(record.id, agent="").id: end for _ in range(3)})
    target = tmp_path / "report.html"
    call("report", record.id, "-o", str(target))
    text = look(target.read_text()).text
    assert "has finished with a finite value of error" in text
    assert "failed" in text


def test_no_metric(store, tmp_path):
    spec = {name: part for name, part in SWEEP.items() if name != "metric"}
    record = finish(store, spec, lambda config, place: {"error": error(config, place)}, n=36)
    target = tmp_path / "report.html"
    call("report", record.id, "-o", str(target))
    assert "No metric says which run is better" in look(target.read_text()).text
    call("report", record.id, "-o", str(target), "--metric", "error", "--where", "lr > 0")
    text = look(target.read_text()).text
    assert "resize crop" in text
    assert f"homerun advise {record.id} --metric=error '--where=lr > 0' -o next.yaml" in text


def test_several_goals(store, tmp_path):
    spec = {name: part for name, part in SWEEP.items() if name != "metric"}
    spec |= {"method": "custom", "metrics": [{"name": "error"}, {"name": "time"}]}
    value = lambda config, place: {"error": error(config, place), "time": 1.0 + place}  # noqa: E731
    record = finish(store, spec, value, n=6)
    target = tmp_path / "report.html"
    call("report", record.id, "-o", str(target))
    assert "not beaten in both error and time" in read(target.read_text()).text


# the page of a table


def test_a_table_with_cost():
    df = grid().assign(
        state=["failed"] * 2 + ["finished"] * 34,
        runtime_s=3600.0,
        energy_wh=250.0,
        gpu_memory_max_gib=4.0,
        is_shared=False,
        started_at=pd.Timestamp("2026-11-23T10:00Z"),
        ended_at=pd.date_range("2026-11-23T11:00Z", periods=36, freq="h"),
    )
    report = hr.insight.report(df, metric="error", gpus=2)
    cost = next(section for section in report.sections if section.title == "What it cost").table
    assert cost is not None
    assert dict(zip(cost["what"], cost["cost"], strict=True)) == {
        "runs": "34 finished, 2 failed",
        "time of all runs": "36 h",
        "of it in runs that did not finish": "2 h",
        "GPU-hours": "72",
        "from the first start to the last end": "36 h",
        "energy of the GPUs": "9 kWh",
    }
    beware = report.sections[-1]
    assert beware.title == "What to beware of"
    assert any("2 of 36 runs did not finish" in item for item in beware.items)


def test_notebook_and_text():
    report = hr.insight.report(grid(), metric="error")
    read(report._repr_html_())
    assert repr(report) == str(report)
    assert max(map(len, str(report).splitlines())) <= 80


@pytest.mark.parametrize("value", [0.0, 0.25])
def test_constant_outcomes(value):
    report = hr.insight.report(grid().assign(error=value), metric="error")
    assert "nothing sets them apart" in str(report)
    read(report.to_html())


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5, 8])
def test_few_runs(n):
    report = hr.insight.report(grid().sample(n, random_state=n), metric="error")
    read(report.to_html())
    assert "better than" not in str(report)


def test_one_configuration():
    df = pd.DataFrame({"lr": 0.1, "error": [0.1, 0.2, 0.3]})
    assert "Vary a parameter" in str(hr.insight.report(df, metric="error"))


@pytest.mark.parametrize("goal", ["minimize", "maximize"])
def test_negative_and_diverged(goal):
    df = grid()
    df["error"] = df["error"] - 0.06
    df.loc[3, "error"] = 1e9 if goal == "minimize" else -1e9
    report = hr.charts.report(df, metric="error", goal=goal)
    page = look(report.to_html())
    assert re.search("1 run[^.]* at the edge|1 run lies beyond|edge", page.text)


def test_wrong_names_are_said():
    with pytest.raises(UsageError, match="has no column 'eror'; there is error"):
        hr.insight.report(grid(), metric="eror")
    with pytest.raises(UsageError, match="has no column 'rate'"):
        hr.insight.report(grid(), metric="error", params=["rate"])


def test_names_that_would_break_out():
    evil = '"><script>alert("1")</script>\x00\x1b[31m|`*_'
    df = grid().rename(columns={"resize": evil})
    df[evil] = df[evil].replace("squish", f"</svg>{evil}")
    report = hr.insight.report(df, metric="error", title=evil)
    text = report.to_html()
    read(text)
    assert "\x1b" not in text
    look(hr.charts.report(df, metric="error", title=evil).to_html())
    assert "<script" not in report.to_markdown()
    assert all(line.isprintable() for line in str(report).splitlines())


def test_data_sets_are_not_pooled():
    df = pd.concat([grid(0).assign(dataset="a"), grid(1).assign(dataset="b")], ignore_index=True)
    df.loc[df.dataset == "b", "error"] *= 10
    report = hr.insight.report(df, metric="error")
    text = read(report.to_html()).text
    assert "compared within each" in text
    drawn = look(hr.charts.report(df, metric="error").to_html())
    assert "best so far" not in drawn.text


def test_many_runs_and_parameters():
    df = big()
    started = time.process_time()
    report = hr.insight.report(df, metric="loss")
    text = report.to_html()
    assert time.process_time() - started < 5
    assert len(text) < 400_000
    assert len(report.sections[0].table) < 14
    read(text)


def sweep_of(n):
    rng = np.random.default_rng(0)
    df = pd.DataFrame(
        {
            "name": [f"kind-hill-{i}" for i in range(n)],
            "state": np.where(np.arange(n) % 40, "finished", "failed"),
            "runtime_s": rng.uniform(10, 300, n),
            "lr": 10 ** rng.uniform(-5, -1, n),
            "decay": 10 ** rng.uniform(-6, -1, n),
            "drop": rng.uniform(0, 0.6, n),
            "momentum": rng.uniform(0.5, 0.99, n),
            "width": rng.choice([16, 32, 64, 128], n),
            "model": rng.choice(["convnext", "vit", "swin"], n),
            "opt": rng.choice(["adam", "sgd"], n),
            "augment": rng.choice(["none", "crop", "mixup"], n),
        }
    )
    bowl = 0.1 * (np.log10(df.lr) + 3) ** 2 + 0.3 * (df.model == "vit")
    df["error"] = 0.05 * np.exp(bowl + 0.1 * rng.normal(size=n))
    df["started_at"] = 1.7e9 + np.cumsum(df.runtime_s)
    df["ended_at"] = df.started_at + df.runtime_s
    steps = np.tile(np.arange(10), n)
    end = np.repeat(df.error, 10)
    history = pd.DataFrame(
        {
            "run": np.repeat(df.name, 10),
            "key": "error",
            "step": steps,
            "value": end + (0.9 - end) * np.exp(-steps / 2) * (steps < 9),
        }
    )
    return df, history


def test_a_report_of_thousands_of_runs_is_soon_made_and_small():
    df, history = sweep_of(5000)
    steps = []
    started = time.process_time()
    report = hr.charts.report(
        df, metric="error", history=history, on_step=lambda done, every: steps.append((done, every))
    )
    text = report.to_html()
    assert time.process_time() - started < 20  # 5 s where nothing else runs
    assert len(text.encode()) < 1_500_000
    assert text.count("<circle") < 2_000
    assert steps == [(k, 8) for k in range(1, 9)]


def opened(text):
    """Return the figures of a report as its script reads them."""
    (packed,) = re.findall(r'id="homerun-figures">([^<]*)<', text)
    script = (
        f"{opening()}\nimport {{readFileSync}} from 'node:fs'\n"
        "console.log(JSON.stringify(await opened(readFileSync(0, 'utf8'))))"
    )
    done = subprocess.run(
        ["node", "--input-type=module", "-e", script],
        input=packed,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return json.loads(done.stdout)


def test_the_figures_of_a_report_are_those_that_were_drawn():
    df, history = sweep_of(60)
    figures = [
        hr.charts.effect(df, metric="error"),
        hr.charts.progress(df, metric="error"),
        hr.charts.scatter(df, metric="error"),
        hr.charts.curves(history, runs=df),
        hr.charts.timeline(df),
    ]
    bundle = Bundle()
    for figure in figures:
        assert "<svg>still</svg>" in bundle.place(figure, meanwhile="<svg>still</svg>")
    for figure, found in zip(figures, opened(bundle.script()), strict=True):
        data = json.loads(json.dumps(data_of(figure)))
        assert found.keys() == data.keys()
        for panel, ours in zip(data["panels"], found["panels"], strict=True):
            assert len(panel["marks"]) == len(ours["marks"])
            for mark, our in zip(panel["marks"], ours["marks"], strict=True):
                assert our.keys() == mark.keys()
                for name, value in mark.items():
                    if isinstance(value, list) and not any(isinstance(v, str) for v in value):
                        few, all_digits = (np.array(v, dtype=float) for v in (our[name], value))
                        np.testing.assert_allclose(few, all_digits, rtol=1e-3)
                    else:
                        assert our[name] == value


def test_a_terminal_shows_how_far_a_large_report_is(home, tmp_path):
    sweep_of(1000)[0].to_csv(tmp_path / "runs.csv", index=False)
    command = [HOMERUN, "report", "runs.csv", "--metric=error", "-o", "report.html"]
    near, far = pty.openpty()
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=far, cwd=tmp_path, timeout=120, check=True
    )
    os.close(far)
    shown = os.read(near, 100_000).decode()
    os.close(near)
    assert done.stdout == b""
    assert re.search(r"report of 1,000 runs +\[#+\] +100%", shown)
    assert "\x1b[3" not in shown  # no colours
    done = subprocess.run(command, capture_output=True, cwd=tmp_path, timeout=120, check=True)
    assert b"1,000 runs" not in done.stdout + done.stderr
