"""What a notebook shows of homerun: in a real kernel of Jupyter, in marimo, and as plain text."""

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

import homerun as hr
from homerun.agent import Ended, Progress, Remark, Started, Tally
from homerun.agent.lending import Pythons
from homerun.compat.notebook.frames import is_of_runs, runs_html
from homerun.compat.notebook.progress import Board
from homerun.core import End, Run, RunState, SweepRecord, SweepState, duration, markup
from homerun.store import Store
from tests.agent_home import make_sweep
from tests.environments import environment

ROOT = Path(__file__).resolve().parent.parent
EVIL = "<script>alert(1)</script>"
SWEEP = """
import homerun as hr
sweep_id = hr.sweep({
    "name": "lrs", "method": "grid", "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {"lr": {"values": [0.1, 0.01, 0.001]}, "epochs": {"value": 5}},
}, project="digits")

def train():
    with hr.init() as run:
        if run.config.lr == 0.001:
            raise ValueError("diverged")
        run.log({"loss": run.config.lr * 3})
"""
SLOW = """
import time
slow_id = hr.sweep({"method": "grid", "parameters": {"lr": {"values": [77, 78]}}})

def slow():
    with hr.init():
        time.sleep(1)
"""


class Checked(HTMLParser):
    """Reads HTML: its words, and whether each element is closed and none is dangerous."""

    def __init__(self, text):
        super().__init__()
        self.words, self.open = [], []
        self.feed(text)
        assert self.open == [], "elements are left open"

    def handle_starttag(self, tag, attrs):
        assert tag not in {"script", "style", "iframe", "link"}
        assert set(dict(attrs)) <= {"style"}
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data.replace("\xa0", " ").strip())


def words(text):
    return " ".join(filter(None, Checked(text).words))


# In the kernel of a notebook


def in_jupyter(home, cells, **options):
    """Run cells in a kernel whose environment lacks homerun and msgpack; return what they showed.

    They are lent to it, as agents lend them to programs.
    """
    python = environment("browser")
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    lent = Pythons(home, asked=str(python), environ=env).of_folder(home.parent).env
    done = subprocess.run(
        [python, "-P", ROOT / "tests" / "notebook_program.py"],
        input=json.dumps({"cells": cells, **options}),
        env={**env, **lent, "IPYTHONDIR": str(home.parent / "ipython")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def shown(outputs, kind="text/html"):
    """Return what a cell displayed, of one kind."""
    return ["".join(one["data"].get(kind, "")) for one in outputs if "data" in one]


def test_a_notebook_shows_tables_runs_and_an_agent_at_work(home):
    seen = in_jupyter(
        home,
        [
            SWEEP,
            "hr.agent(sweep_id, train)",
            "df = hr.runs(sweep_id); df",
            "df[['lr', 'loss']]",
            "import pandas as pd; pd.DataFrame({'a': [1]})",
            "hr.Api().sweep(sweep_id).df()",
            "hr.Api().sweep(sweep_id)",
            SLOW,
            "hr.agent(slow_id, slow)",
            "%env HOMERUN_DISPLAY=plain\ndf",
            "lr = 1\nhr.runs('nosuch')  # mine\nlr = 2",
        ],
        stop_at="lr=77",
    )
    made, agent, table, some, other, again, sweep, _, stopped, plain, wrong = seen["outputs"]
    assert {one["name"] for one in made} == {"stdout"}  # not in red
    (board,) = shown(agent)  # one display, which changed in place
    assert seen["updates"] >= 2
    assert "3 of 3 done, 1 failed" in words(board)
    assert "best loss 0.03 by run 2" in words(board)
    assert "exit code 1: ValueError: diverged" in words(board)
    assert "running" not in words(board)
    assert "3 of 3 done, 1 failed" in shown(agent, "text/plain")[0]
    assert "homerun: run" not in json.dumps(agent)  # no line for each event beside it

    (ours,) = shown(table)
    assert ours == shown(again)[0]
    assert "the same in all: epochs=5" in words(ours)
    assert "class=" not in ours
    assert "[3 rows x" in shown(table, "text/plain")[0]
    for frame in (some, other, plain):
        assert 'class="dataframe"' in shown(frame)[-1]
    assert "best loss 0.03" in words(shown(sweep)[0])

    assert [one["output_type"] for one in stopped] == ["display_data"]  # and no traceback
    (board,) = shown(stopped)
    assert re.search(r"1 of 2 done .*to go on, call agent\('\w+'\) again", words(board))

    (error,) = wrong  # the line of the cell, and ours
    caller, told = error["traceback"]
    assert caller == "---> 2 hr.runs('nosuch')  # mine"
    assert told.startswith("NotFoundError: no sweep answers to 'nosuch'")


def test_a_program_outside_of_notebooks_says_lines(home):
    done = subprocess.run(
        [sys.executable, "-c", f"{SWEEP}\nhr.agent(sweep_id, train)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.count(" starts: ") == 3


def test_marimo_shows_the_agent_in_place(home, tmp_path):
    notebook = tmp_path / "notebook.py"
    notebook.write_text(
        "import marimo\napp = marimo.App()\n@app.cell\ndef _():\n"
        + "".join(f"    {line}\n" for line in SWEEP.splitlines())
        + "    hr.agent(sweep_id, train)\n    return\n"
    )
    python = environment("browser")
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    lent = Pythons(home, asked=str(python), environ=env).of_folder(tmp_path).env
    command = [python, "-m", "marimo", "export", "html", notebook, "-o", tmp_path / "page.html"]
    done = subprocess.run(
        command,
        env={**env, **lent, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "3 of 3 done, 1 failed" in (tmp_path / "page.html").read_text()


# What is shown of a table


def frame_of(**columns):
    """Return a table as homerun makes it of a sweep."""
    count = len(next(iter(columns.values())))
    known = {
        "id": [f"id{i}" for i in range(count)],
        "number": range(1, count + 1),
        "name": [f"run-{i}" for i in range(count)],
        "state": ["finished"] * count,
        "reason": [""] * count,
        "project": ["digits"] * count,
        "sweep": ["abc"] * count,
        "runtime_s": [75.0] * count,
    }
    frame = pd.DataFrame({**known, **columns})
    config = [name for name in columns if name not in {*known, "loss"}]
    frame.attrs.update(config=config, summary=["loss"], metadata=[], title="digits > lrs")
    frame.attrs.update(sweep="abc", metric="loss", goal="minimize")
    return frame


def heads(text):
    return re.findall(r"<th [^>]*>(.*?)</th>", text)


def test_what_varies_is_shown_and_the_metric_first():
    frame = frame_of(lr=[0.1, 0.01], epochs=[5, 5], arch=["a", EVIL], loss=[0.5, 0.25])
    text = runs_html(frame)
    assert heads(text) == ["", "run", "name", "state", "loss", "lr", "arch", "time"]
    assert "<b>0.25</b>" in text  # the best
    assert text.count(f"background:{markup.ACCENT}") == 2
    assert "the same in all: epochs=5" in words(text)
    assert words(text).count(EVIL) == 1
    assert words(text).count("1m15s") == 2


def test_it_keeps_the_order_of_its_rows_and_shows_some_of_many():
    frame = frame_of(lr=[float(i) for i in range(500)], loss=[1.0 / (i + 1) for i in range(500)])
    shown_rows = re.findall(r"run-(\d+)", runs_html(frame.iloc[::-1]))
    assert list(map(int, shown_rows)) == [*range(499, 469, -1), *range(29, -1, -1)]
    assert "500 runs, the first and last 30 of them" in words(runs_html(frame))
    assert runs_html(frame).count("<tr>") == 62


def test_odd_tables_are_shown_as_well():
    gaps = frame_of(
        lr=pd.array([1, None, 3], dtype="Int64"),
        when=[pd.Timestamp("2026-01-01"), pd.NaT, pd.NaT],
        layers=[[1, 2], [3], None],
        nested=[{"a": 1}, {}, {"a": float("nan")}],
        flag=pd.array([True, None, False], dtype="boolean"),
        loss=[float("nan"), float("inf"), 1e-9],
        state=["failed", "running", "finished"],
        reason=[EVIL, "", ""],
    )
    text = words(runs_html(gaps))
    assert "[1, 2]" in text
    assert "1e-09" in text
    assert EVIL in text
    assert "<NA>" not in text
    assert words(runs_html(gaps.head(0))) == "digits > lrs 0 runs run name state loss"
    assert "epochs" in heads(runs_html(frame_of(epochs=[5], loss=[1.0])))  # all of a single run
    wide = frame_of(**{f"p{i}": [i, i + 1] for i in range(99)}, loss=[1.0, 2.0])
    assert len(heads(runs_html(wide))) == 30
    assert "not shown: p24, p25" in words(runs_html(wide))
    assert "and 63 more" in words(runs_html(wide))
    no_metric = frame_of(lr=[1, 2], loss=[None, None])
    del no_metric.attrs["metric"]
    assert "lr" in heads(runs_html(no_metric))


def test_only_whole_tables_of_runs_are_shown_this_way():
    frame = frame_of(lr=[1, 2], loss=[1.0, 2.0])
    assert is_of_runs(frame[frame.lr > 1])
    assert is_of_runs(frame.sort_values("loss"))
    assert not is_of_runs(frame[["name", "loss"]])
    assert not is_of_runs(frame.describe())
    assert not is_of_runs(pd.DataFrame(frame.to_dict("list")))
    assert not is_of_runs(frame.T)


# Runs, sweeps, projects


@pytest.fixture
def api(home):
    with hr.init(project="digits", name=EVIL, config={"lr": 0.1, "net": {"depth": 3}}) as run:
        run.log({"loss": 0.5})
        assert "running" in words(run._repr_html_())
        assert "net.depth 3 summary loss 0.5" in words(run._repr_html_())
    assert "finished" in words(run._repr_html_())
    with hr.init(project="digits", config={"lr": 0.2}):
        pass
    with Store() as store:
        make_sweep(store, ["true"], values=2, name=EVIL)
    return hr.Api()


def test_everything_of_the_api_has_a_look(api):
    runs = api.runs("digits")
    text = words(runs._repr_html_())
    assert EVIL in text
    assert "digits 2 runs" in text
    run = words(runs[0]._repr_html_())
    assert "config lr 0.1 net.depth 3 summary loss 0.5" in run
    assert run.endswith(f"homerun show {runs[0].number}")
    digits, tests = api.projects()
    assert "digits 2 runs" in words(digits._repr_html_())
    assert "tests 1 sweep" in words(tests._repr_html_())
    assert "digits 2 0 tests 0 1" in words(api.projects()._repr_html_())
    (sweep,) = tests.sweeps()
    assert "0 of 2 runs done" in words(sweep._repr_html_())
    assert sweep.id in words(tests.sweeps()._repr_html_())
    assert repr(sweep).startswith("<Sweep ")
    assert words(api.runs("digits", {"state": "failed"})._repr_html_()) == "digits 0 runs"


# The board of an agent


def test_a_board_says_how_far_an_agent_is():
    record = SweepRecord(
        id="abc",
        number=1,
        project="digits",
        name="lrs",
        state=SweepState.RUNNING,
        reason="",
        spec={"metric": {"name": "val.loss", "goal": "maximize"}},
        source="",
        cwd="",
        cursor=0,
        planned=4,
        created_at=0.0,
    )
    board = Board(record, Tally(metric=record.metric))
    looks = []
    board.changed = looks.append

    def run_of(number, state, **facts):
        return Run(id=f"id{number}", number=number, project="", name="", state=state, **facts)

    end = End(state=RunState.FINISHED, ended_at=0.0)
    first = run_of(1, RunState.RUNNING, config={"lr": 0.1})
    board.tell(Remark(text="python: /bin/python"))
    board.tell(Started(run=first, slot=None, argv=()))
    board.tell(Progress(done=0, planned=4, running=1, failed=0, eta_s=75.0))
    assert repr(board).splitlines() == [
        "digits > lrs (abc): 0 of 4 done, 1 running, ETA 1m15s",
        "run 1 running: lr=0.1",
    ]
    for number, value in ((1, 0.5), (2, 0.75), (3, 0.25)):
        done = run_of(number, RunState.FINISHED, summary={"val": {"loss": value}})
        board.tell(Ended(run=done, end=end))
    bad = run_of(4, RunState.FAILED, reason=EVIL)
    board.tell(Ended(run=bad, end=end))
    board.tell(Progress(done=4, planned=4, running=0, failed=1, eta_s=None))
    assert "best val.loss 0.75 by run 2" in repr(board)
    assert f"4 failed {EVIL}" in words(board._repr_html_()).replace("● ", "")
    assert len(looks) == 3  # starts and ends within a moment were skipped


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0083746, "0.008375"),
        (123456.7, "123457"),
        (1e-7, "0.0000001"),
        (float("nan"), ""),
        (None, ""),
        (True, "true"),
        (12, "12"),
        ("<b>", "&lt;b&gt;"),
        ("x" * 99, f"{'x' * 59}…"),
        ({"a": [1]}, "{&quot;a&quot;: [1]}"),
    ],
)
def test_values_are_short_and_harmless(value, text):
    assert markup.cell(value) == text


def test_times_have_two_units():
    spans = {0.84: "0.8s", 45.2: "45s", 200: "3m20s", 7500: "2h05m", 100000: "1d03h", None: ""}
    assert {span: duration(span) for span in spans} == spans
