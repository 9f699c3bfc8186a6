"""Lists, pages, comparisons and pictures as a person sees them, in terminals of all kinds."""

import json
import math
import os
import re
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homerun.charts.figure import (
    Axis,
    Band,
    Bars,
    Boxes,
    Cells,
    Figure,
    Line,
    Panel,
    Points,
    Rule,
    Spans,
)
from homerun.cli import letters, output
from homerun.cli.braille import draw
from homerun.cli.canvas import Series, plot
from homerun.cli.scales import Scale, scale_of
from homerun.cli.spark import bar
from homerun.core import RunState
from homerun.store import Store, fold, identity, take_leases, thinned
from homerun.store import journal as jr
from tests.cli_call import HOMERUN, attempt, call, environment, start
from tests.cli_home import add_sweep, end, hold, train, write_journal
from tests.fake_gpus import FakeGpus

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def filled(filled):
    """A home with runs in all states, one with many points, and one that was stopped early."""
    with Store(filled) as store:
        run = train(store, store.sweep("x3k9a2bc"), error=0.1, epochs=300)
        end(store, run)
        with store.write() as db:
            db.execute("UPDATE run SET censored = 1 WHERE state = 'killed'")
        for number, text in ((1, "numpy==2.0\ntorch==2.3\n"), (6, "numpy==2.1\ntorch==2.3\n")):
            folder = store.folder(store.run(str(number)).id).files
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "requirements.txt").write_text(text)
    return filled


COMMANDS = {  # command: what is to be seen, in any width
    "": "> crop or squish > playful-aurora-5",
    "ls": "early stop",
    "ls x3k9a2bc": "early stop",
    "show 6": "error_rate",
    "show x3k9a2bc": "dataset, learning_rate, model_name",
    "diff 1 6": "error_rate",
}


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (200, 50)])
@pytest.mark.parametrize("is_colored", [True, False])
def test_nothing_is_wider_than_the_terminal(filled, terminal, tmp_path, columns, lines, is_colored):
    terminal.resize(columns, lines)
    prefix = "" if is_colored else "NO_COLOR=1 "
    for command, seen in COMMANDS.items():
        text = terminal.prints(f"{prefix}{HOMERUN} {command} 2>/dev/null")
        plain = ESCAPE.sub("", text)
        assert seen in plain, command
        assert ("\x1b[3" in text) == is_colored
        # Paths of the home are as long as they are.
        long = [line for line in plain.splitlines() if len(line) > columns]
        assert [line for line in long if str(tmp_path) not in line] == []


def test_curves_and_bars_show_where_there_is_room(filled, terminal):
    terminal.resize(200, 50)
    listed = ESCAPE.sub("", terminal.prints(f"{HOMERUN} ls"))
    assert re.search(r"6/8 +|5/8 +━+─+", listed)
    assert re.search(r"^ +6 .* finished .* █▃\S{8,} ", listed, re.MULTILINE)
    assert "⢸" in terminal.prints(f"{HOMERUN} show 6")
    assert re.search(
        r"^0\.1 ┤.*[⠒⠤]", ESCAPE.sub("", terminal.prints(f"{HOMERUN} diff 1 6")), re.MULTILINE
    )


def test_a_dumb_terminal_gets_no_colours(filled, terminal):
    assert "\x1b[3" not in terminal.prints(f"TERM=dumb {HOMERUN} ls x3k9a2bc")


def test_what_is_asked_often_loads_little(filled):
    program = (
        "import sys\n"
        "from homerun.cli import app\n"
        "app.main(sys.argv[1:], standalone_mode=False)\n"
        "heavy = {'numpy', 'pandas', 'textual', 'matplotlib', 'rich.console', 'yaml'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    env = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": "120"}
    for arguments in (
        [],
        ["ls"],
        ["ls", "x3k9a2bc", "--where", "error_rate < 1"],
        ["diff", "1", "6"],
    ):
        command = [sys.executable, "-c", program, *arguments]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "[]", arguments


def test_completion_loads_little(filled):
    program = (
        "import atexit, sys\n"
        "heavy = ('numpy', 'pandas', 'textual', 'matplotlib', 'rich', 'yaml')\n"
        "atexit.register(lambda: print([n for n in heavy if n in sys.modules], file=sys.stderr))\n"
        "from homerun.cli import execute\n"
        "execute([])\n"
    )
    words = {
        "_HOMERUN_COMPLETE": "bash_complete",
        "COMP_WORDS": "homerun show solo1",
    }
    command = [sys.executable, "-c", program]
    env = {**os.environ, **words}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("plain\tsolo1234\tfinished solo\n", "[]\n")


def test_gpus_with_runs_are_on_top_of_lists(filled, tmp_path):
    fake = FakeGpus(tmp_path / "driver", count=2)
    fake.set(1, used_mib=40960, power_w=312, utilization=87)
    with Store(filled) as store:
        sweep = store.sweep("x3k9a2bc")
        run = train(store, sweep, error=0.3)
        lock = hold(store, run)
        holder = str(identity())
        take_leases(store, run.id, fake.ids[1:], holder=holder, memory_mib=None, at_most=1)
    env = {**fake.environ, "FORCE_COLOR": "1", "NO_COLOR": "1", "COLUMNS": "80"}
    wanted = f"GPU 1  ━━━━━━──────  40.0 of 80 GiB  87%  312 W  run {run.number} {run.name}"
    for arguments in (["ls"], ["ls", "x3k9a2bc"], []):
        assert wanted in start(*arguments, env=env).stdout.splitlines()
    for columns in (60, 30, 12):
        narrow = start("ls", env={**env, "COLUMNS": str(columns)}).stdout.splitlines()
        assert narrow[0].startswith("GPU 1  40.0"[: columns - 1])
        assert len(narrow[0]) <= columns
    os.close(lock)


def test_a_run_that_a_rule_stopped_says_so(filled, pretty):
    assert re.search(r"^ +4  early stop ", call("ls", "x3k9a2bc").stdout, re.MULTILINE)
    runs = {run["number"]: run for run in json.loads(call("ls", "x3k9a2bc", "--json").stdout)}
    assert (runs[4]["state"], runs[4]["censored"], runs[1]["censored"]) == ("killed", True, False)
    stopped = json.loads(call("ls", "x3k9a2bc", "--where", "censored", "--json").stdout)
    assert [run["number"] for run in stopped] == [4]


def test_names_in_conditions_mean_the_same_however_they_are_written(home):
    config = {"model": {"name": "vit", "size": {}}, "lr": 0.1, "epoch": 5}
    with Store(home) as store:
        store.add_run("r1", project="p", config=config)
        end(store, store.run("r1"))
        with store.write() as db:
            db.execute('UPDATE run SET summary = \'{"epoch": 3, "val": {"acc": 0.5}}\'')
    for condition, is_true in (
        ("epoch == 5", True),  # as in a table of runs
        ("config.epoch == 5", True),
        ("summary.epoch == 3", True),
        ("model.name == 'vit'", True),
        ("config.model.name == 'vit' and val.acc > 0.4", True),
        ("summary.val.acc > 0.6", False),
        ("state == 'finished' and runtime_s > 1", True),
        ("len(model.size) == 0", True),
    ):
        found = json.loads(call("ls", "p", "--where", condition, "--json").stdout)
        assert bool(found) == is_true, condition
    for wrong in ("model == 'vit'", "config.acc > 1"):
        assert attempt("ls", "p", "--where", wrong).returncode == 2


DIFFERENT = """\
{head}
config
  dataset     digits        mnist
  model_name  linear        convnet
results
  error_rate  0.0442 *      0.1003        +0.05613 (+127 %)
  epoch       4             299             +295 (+7375 %)
  fit_time    12.80         13.75           +0.9475 (+7.4 %)
packages
  numpy       2.0           2.1
"""


def test_what_sets_two_runs_apart(filled, pretty):
    shown = call("diff", "1", "6")
    with Store(filled) as store:
        names = {number: store.run(str(number)).name for number in (1, 6)}
    rows = [line.split() for line in DIFFERENT.splitlines()[1:]]
    assert [line.split() for line in shown.stdout.splitlines()[1:10]] == rows
    assert shown.stdout.splitlines()[0].split() == ["1", names[1], "6", names[6]]
    assert all(len(line) <= 80 for line in shown.stdout.splitlines())
    assert f"error_rate  a 1 {names[1]}  b 6 {names[6]}" in shown.stdout
    assert "1 of packages" in shown.stderr
    everything = call("diff", "1", "6", "--all").stdout
    assert re.search(r"^  learning_rate +0.002 +0.002$", everything, re.MULTILINE)
    assert "torch" in everything


def test_a_narrow_terminal_shows_values_below_each_other(filled, pretty, monkeypatch):
    monkeypatch.setenv("COLUMNS", "34")
    lines = call("diff", "1", "6").stdout.splitlines()
    assert all(len(line) <= 34 for line in lines)
    at = lines.index("  error_rate  +0.05613 (+127 %)")
    assert lines[at + 1 : at + 3] == ["    1  0.0442 *", "    6  0.1003"]


def test_differences_for_programs(filled):
    document = json.loads(call("diff", "1", "2", "6", "--json").stdout)
    assert [run["number"] for run in document["runs"]] == [1, 2, 6]
    assert document["config"] == {
        "dataset": ["digits", "digits", "mnist"],
        "model_name": ["linear", "convnet", "convnet"],
    }
    assert (document["metric"], document["goal"]) == ("error_rate", "minimize")
    assert document["better"] == document["runs"][0]["id"]
    assert document["packages"] == {}  # nobody knows those of run 2
    lines = call("diff", "1", "6").stdout.splitlines()
    assert lines[0] == "section\tkey\t1\t6"
    assert "config\tdataset\tdigits\tmnist" in lines
    assert attempt("diff", "1", "1").returncode == 2
    assert attempt("diff", "1", "nope").returncode == 1


def test_code_that_changed_between_runs_is_named(home, pretty):
    def begin(store, name, commit, argument):
        store.add_run(name, project="p")
        argv = ["python", f"{'long/' * 12}train.py", "--lr", argument]
        facts = {"argv": argv, "cwd": "/me", "metadata": {"git": {"commit": commit * 40}}}
        write_journal(store, name, [[jr.BEGIN, {"project": "p", **facts}]])
        fold(store, name)
        end(store, store.run(name))

    with Store(home) as store:
        begin(store, "r1", "a", "0.1")
        begin(store, "r2", "b", "0.2")
    shown = call("diff", "r1", "r2")
    assert f"git diff {'a' * 12} {'b' * 12}" in shown.stderr
    assert re.search(r"command +….*--lr 0.1 +….*--lr 0.2$", shown.stdout, re.MULTILINE)
    assert all(len(line) <= 80 for line in shown.stdout.splitlines())


def test_long_histories_are_read_in_parts(home):
    with Store(home) as store:
        sweep = add_sweep(store)
        run = train(store, sweep, error=0.1, epochs=20_000)
        ((_, whole),) = thinned(store, [run.number], keys=["error_rate"], points=10**9).items()
        assert whole.steps == tuple(range(20_000))
        ((_, part),) = thinned(store, [run.number], keys=["error_rate"], points=512).items()
        assert 256 <= len(part.steps) <= 600
        assert {part.steps[0], part.steps[-1]} == {0, 19_999}
        pairs = dict(zip(whole.steps, whole.values, strict=True))
        assert all(pairs[step] == value for step, value in zip(*part, strict=True))
        assert set(thinned(store, [run.number])) == {
            (run.number, "error_rate"),
            (run.number, "epoch"),
        }


def test_points_that_are_no_numbers_make_gaps(home):
    with Store(home) as store:
        run = store.add_run("r1", project="p")
        values = [1.0, math.nan, "text", True, 2, math.inf]
        rows = [[jr.ROW, i, time.time(), {"x": value}] for i, value in enumerate(values)]
        write_journal(store, run.id, [[jr.BEGIN, {"project": "p"}], *rows])
        fold(store, run.id)
        ((_, found),) = thinned(store, [run.number]).items()
        assert found.steps == (0, 1, 4, 5)
        assert np.array_equal(found.values, [1.0, math.nan, 2.0, math.inf], equal_nan=True)


NUMBERS = st.floats(width=64) | st.integers(-5, 5).map(float)


@given(
    points=st.lists(st.tuples(NUMBERS, NUMBERS), max_size=30),
    size=st.tuples(st.integers(1, 120), st.integers(1, 30)),
    kind=st.sampled_from(["line", "steps", "dashes", "dots", "boxes"]),
    labels=st.lists(st.text(max_size=30), max_size=4),
    logs=st.tuples(st.booleans(), st.booleans()),
    is_colored=st.booleans(),
)
def test_any_numbers_are_drawn_in_the_room_there_is(points, size, kind, labels, logs, is_colored):
    if kind == "boxes":
        points = points * 2
    x, y = [a for a, _ in points], [b for _, b in points]
    series = [Series(x=x, y=y, label=label, kind=kind, style="cyan") for label in labels or [""]]
    lines = plot(
        series,
        *size,
        title="title",
        x_label="step",
        y_label="loss",
        x_scale=scale_of(x, is_log=logs[0]),
        y_scale=scale_of(y, is_log=logs[1]),
        is_colored=is_colored,
    )
    plain = [ESCAPE.sub("", line) for line in lines]
    assert max(map(output.cells, plain)) <= max(size[0], 24)
    assert len(lines) <= max(size[1], 9)
    assert is_colored or lines == plain


def test_a_straight_line_is_drawn_from_corner_to_corner():
    lines = plot([Series(x=[0, 1], y=[0, 1])], 24, 8)
    rows = [line.partition("┤")[2] or line.partition("│")[2] for line in lines[:-2]]
    dots = [len(row.rstrip()) for row in rows]
    assert dots == sorted(dots, reverse=True)
    assert rows[0].rstrip()[-1] in "⠁⠈⠉⠊⡠⠔⢀⠐"
    assert lines[-1].split()[0] == "0.0"


def test_boxes_that_touch_are_told_apart():
    runs = Series(x=[0, 5, 5, 10], y=[0, 1, 0, 1], kind="boxes")
    row = plot([runs], 40, 6)[0].rpartition("┤")[2]
    assert len(re.findall("⣿+", row)) == 2


@pytest.mark.parametrize(
    ("scale", "texts"),
    [
        (Scale(low=0, high=10), ["0", "5", "10"]),
        (Scale(low=0.02, high=0.061), ["0.02", "0.04", "0.06"]),
        (Scale(low=1e-4, high=0.1, is_log=True), ["0.0001", "0.001", "0.01", "0.1"]),
        (scale_of([0, 1, 2]), ["0", "1", "2"]),
        (scale_of([0.0, 3.0, 40.0]), ["0", "20", "40"]),
        (scale_of([0, 0.5, 1]), ["0.0", "0.5", "1.0"]),
        (Scale(low=0.12, high=0.4, is_log=True), ["0.2", "0.3", "0.4"]),
        (Scale(low=0, high=7200, unit="seconds"), ["0", "1h23m"]),
        (Scale(low=0, high=1, unit="share"), ["0 %", "50 %", "100 %"]),
        (Scale(low=-0.5, high=2.5, categories=("a", "b", "c")), ["a", "b", "c"]),
    ],
)
def test_ticks_are_round_and_in_the_units_of_the_axis(scale, texts):
    assert [text for _, text in scale.ticks(4 if scale.is_log else 3)][: len(texts)] == texts


def figure(*marks, x=None, y=None):
    panel = Panel(x=x or Axis(label="epoch"), y=y or Axis(label="loss"), marks=marks, title="panel")
    return Figure(kind="k", title="title", panels=(panel,), caption="what it says")


NAMES = Axis(label="", scale="category", categories=("first", "second"))
PAIR, ONES = np.array([0.0, 1.0]), np.array([1.0, 2.0])


@pytest.mark.parametrize(
    ("drawn", "seen"),
    [
        (figure(Line(x=PAIR, y=ONES, label="one", end="stopped")), "×"),  # noqa: RUF001
        (figure(Points(x=PAIR, y=ONES, texts=("best", ""))), "• best"),
        (figure(Band(x=PAIR, low=PAIR, high=ONES), Line(x=PAIR, y=ONES)), "⠉"),
        (figure(Boxes(x=PAIR, low=PAIR, middle=PAIR + 0.5, high=ONES), x=NAMES), "second"),
        (figure(Points(x=PAIR, y=ONES), Rule(at=1.5, text="goal")), "loss"),
        (figure(Spans(y=PAIR, start=PAIR, end=ONES + 3), y=NAMES), "second ┤"),
        (figure(Bars(y=PAIR, value=ONES, low=PAIR, high=ONES), y=NAMES), "second  ━━━━"),
        (figure(Cells(x=PAIR, y=PAIR, value=np.array([ONES, [3, np.nan]]), label="err")), "███"),
        (figure(), "title"),
    ],
)
@pytest.mark.parametrize("width", [40, 100])
def test_every_mark_of_a_figure_is_drawn(drawn, seen, width):
    plain = draw(drawn, width, 20, is_colored=False)
    colored = draw(drawn, width, 20, is_colored=True)
    assert seen in "\n".join(plain)
    assert "what it says" in plain[-1]
    assert not ESCAPE.search("".join(plain))
    for lines in (plain, colored):
        assert max(output.cells(ESCAPE.sub("", line)) for line in lines) <= width


def test_series_are_told_apart_by_letters_where_there_are_no_colours():
    several = figure(*(Line(x=PAIR, y=ONES * i, color=i, label=f"run {i}") for i in range(3)))
    text = "\n".join(draw(several, 60, 16, is_colored=False))
    assert "a run 0  b run 1  c run 2" in text
    colored = "\n".join(draw(several, 60, 16, is_colored=True))
    assert "\x1b[36m━ run 0" in colored


@given(share=st.floats(-1, 2), width=st.integers(0, 50))
def test_a_bar_is_as_wide_as_asked_for(share, width):
    assert len(bar(share, width)) == width


def test_terminals_without_unicode_see_the_same_in_their_letters(filled):
    env = {**environment(), "FORCE_COLOR": "1", "NO_COLOR": "1", "COLUMNS": "120"}
    for encoding in ("ascii", "latin-1"):
        codes = {**env, "PYTHONIOENCODING": encoding}
        done = start("diff", "1", "6", env=codes, text=False)
        text = done.stdout.decode(encoding)
        assert "\\u" not in text
        assert re.search(r"^0\.1 \+[:.' ab]+", text, re.MULTILINE)
        listed = start("ls", "x3k9a2bc", env=codes, text=False).stdout.decode(encoding)
        assert re.search(r" 6  finished +0\.1003  #-\S+ ", listed)


def test_a_list_of_ten_thousand_runs_reads_only_what_it_shows(home, pretty):
    with Store(home) as store:
        sweep = store.add_sweep({"method": "random"}, project="p", name="many", planned=None)
        store.propose(
            sweep, [({"lr": i / 7, "wd": i % 3}, 0) for i in range(10_000)], cursor=10_000
        )
    begun_s = time.process_time()
    text = call("ls", "many", "--where", "lr < 1 and wd == 0").stdout
    assert [line.split()[0] for line in text.splitlines()[2:]] == ["7", "4", "1"]
    assert time.process_time() - begun_s < 2  # many times what it takes; a mistake takes minutes


def test_the_welcome_names_what_to_do_next(home, pretty):
    with Store(home) as store:
        sweep = add_sweep(store, sweep_id="x3k9a2bc")
        end(store, train(store, sweep, error=0.3))
    text = call().stdout
    assert re.search(
        r"^finished 1 digits > crop or squish > \S+, .*error_rate 0.32", text, re.MULTILINE
    )
    assert re.search(r"^homerun agent x3k9a2bc  ", text, re.MULTILINE)
    assert all(len(line) <= 80 or str(home) in line for line in text.splitlines())
    assert "failed " not in text
    with Store(home) as store:
        end(store, train(store, sweep, error=0.3), RunState.FAILED, "exit code 1")
    assert "homerun logs 2" in call().stdout


def test_every_stand_in_is_one_letter():
    for letter in "▁▂▃▄▅▆▇█░▒▓━─│┤┬└┼×•●○·…⏎→←↑↓⣿⠁⡀⠀":  # noqa: RUF001
        error = UnicodeEncodeError("ascii", letter, 0, 1, "")
        text, _ = letters._replace(error)
        assert len(text) == 1
        assert text.isascii()


def test_a_long_list_is_the_same_json_with_an_element_a_line(capsys):
    rows = [{"a": i, "b": [math.nan, "ü"], "c": {1: b"x"}} for i in range(300)]
    output.print_json(rows[:1])
    (short,) = json.loads(capsys.readouterr().out)
    output.print_json(rows)
    text = capsys.readouterr().out
    assert text.count("\n") == 302
    assert json.loads(text)[0] == short == {"a": 0, "b": [None, "ü"], "c": {"1": "x"}}
