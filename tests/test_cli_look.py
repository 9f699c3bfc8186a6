"""Looking at the home: lists, pages, logs, tables and questions."""

import csv
import io
import json
import math
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homerun.cli import words
from homerun.core import RunState
from homerun.store import Store
from tests.cli_call import attempt, call, running, until
from tests.cli_home import SPEC, add_sweep, end, train
from tests.commands_page import PAGE


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0083746, "0.008375"),
        (123456.7, "123457"),
        (3e-05, "0.00003"),
        (1.2345e-06, "1.234e-06"),
        (0.99999, "0.99999"),
        (99.9999999, "100"),
        (-0.5, "-0.5"),
        (12, "12"),
        (10**20, str(10**20)),
        (2.5e15, "2.5e+15"),
        (math.nan, "nan"),
        (0.0, "0"),
    ],
)
def test_numbers_are_short_and_without_stray_exponents(value, text):
    assert words.number(value) == text


@given(st.floats(-1e300, 1e300))
def test_a_number_is_never_far_from_its_text(value):
    assert float(words.number(value)) == pytest.approx(value, rel=6e-4, abs=1e-300)
    assert float(words.exact(value)) == value


def test_settings_are_as_they_were_written_and_rounded_where_they_were_drawn():
    config = {"lr": 1e-05, "wd": 0.00134824923, "width": 1234567890, "arch": "vit", "p": 0.123456}
    assert words.settings(config) == "lr=0.00001 wd=0.001348 width=1234567890 arch=vit p=0.123456"


def test_times_and_sizes():
    assert [words.duration(s) for s in (None, 0.84, 45, 200, 7500, 273600)] == [
        *("", "0.8s", "45s", "3m20s", "2h05m", "3d04h"),
    ]
    assert [words.ago(0, now) for now in (1, 45, 300, 7200, 200000)] == [
        *("now", "45s ago", "5m ago", "2h ago", "2d ago"),
    ]
    assert [words.size(n) for n in (12, 2048, 5 << 20, 3 << 30, 5 << 40)] == [
        *("12 B", "2.0 KiB", "5.0 MiB", "3.0 GiB", "5.0 TiB"),
    ]


GOLDEN = """\
digits > crop or squish (x3k9a2bc) is running; error_rate: lower is better
RUN  STATE     error_rate  CURVE  learning_rate  model_name  fit_time   TIME
  1  finished      0.0442  █▄▂▁▁          0.002  linear         12.80  1m03s
  2  finished      0.0510  █▄▂▁▁          0.002  convnet        12.89  1m03s
  3  failed        0.5200  █▄▂▁▁          0.008  linear         18.75  1m03s
  4  killed           nan                 0.008  convnet          nan  1m03s
"""
ENDED = [f"--state={state}" for state in ("finished", "failed", "killed")]


def test_runs_of_a_sweep_best_first_with_what_varies(filled, pretty):
    shown = call("ls", "x3k9a2bc", *ENDED)
    assert shown.stdout == GOLDEN
    assert "the same in all: dataset=digits, resize_method=crop, epochs=5, epoch=4" in shown.stderr
    assert "no room for: NAME" in shown.stderr


def test_a_narrow_terminal_keeps_what_matters(filled, pretty, monkeypatch):
    monkeypatch.setenv("COLUMNS", "36")
    shown = call("ls", "x3k9a2bc", *ENDED)
    lines = shown.stdout.splitlines()[1:]
    assert all(len(line) <= 36 for line in lines)
    assert lines[0].split() == ["RUN", "STATE", "error_rate", "learning…"]
    assert "model_name" in shown.stderr


def test_sweeps_then_the_latest_runs(filled, pretty):
    lines = call("ls").stdout.splitlines()
    assert lines[0].split() == ["SWEEP", "NAME", "STATE", "DONE", "RUNNING", "FAILED", "BEST"]
    assert re.fullmatch(
        r"x3k9a2bc  digits > crop or s…  running   4/8        1       1  error_rate 0.0442",
        lines[1],
    )
    assert lines[3].split() == ["RUN", "NAME", "STATE", "IN", "RESULT", "TIME", "STARTED"]
    assert [line.split()[0] for line in lines[4:]] == ["9", "5", "4", "3", "2", "1"]
    assert all(len(line) <= 80 for line in lines)


def rows(text):
    titles, *found = [line.split("\t") for line in text.splitlines()]
    return [dict(zip(titles, row, strict=True)) for row in found]


def test_a_pipe_gets_everything(filled):
    found = rows(call("ls", "digits").stdout)
    assert len(found) == 8
    best = next(row for row in found if row["number"] == "2")
    assert best["error_rate"] == repr(0.031 + 0.02)
    assert best["resize_method"] == "crop"
    assert float(best["started_at"]) > 1e9


def numbers(*arguments):
    return [run["number"] for run in json.loads(call("ls", *arguments, "--json").stdout)]


def test_order_and_choice_of_runs(filled):
    assert numbers("x3k9a2bc")[:4] == [1, 2, 5, 3]
    assert numbers("x3k9a2bc", "--desc")[-1] == 1
    assert numbers("x3k9a2bc", "--sort", "fit_time", "--state", "failed") == [3]
    assert numbers("x3k9a2bc", "--sort", "fit_time", "--desc")[:2] == [3, 5]
    assert numbers("x3k9a2bc", "--sort", "number", "-n", "2") == [1, 2]
    assert numbers("digits")[0] == 8
    assert numbers("--all") == list(range(9, 0, -1))
    assert numbers("--where", "lr < 0.1") == [9]
    assert numbers("crop or squish", "--where", "error_rate < 0.1 and model_name == 'linear'") == [
        1
    ]
    assert numbers("x3k9a2bc", "--where", "runtime_s == 63 and summary.epoch > 3") == [1, 2, 3, 4]
    assert attempt("ls", "x3k9a2bc", "--sort", "speed").returncode == 2
    for wrong in ("speed > 3", "state = 'failed'", "name + 1"):
        done = attempt("ls", "x3k9a2bc", "--where", wrong)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert wrong in done.stderr


def test_a_maximized_metric_is_largest_first(home):
    spec = {**SPEC, "metric": {"name": "error_rate", "goal": "maximize"}}
    with Store(home) as store:
        sweep = store.add_sweep(spec, project="p", name="up", planned=2)
        store.propose(sweep, [({"lr": 1}, 0), ({"lr": 2}, 0)], cursor=2)
        for error in (0.1, 0.9):
            end(store, train(store, sweep, error=error))
    assert numbers("up") == [2, 1]
    (sweep,) = json.loads(call("ls", "--json").stdout)["sweeps"]
    assert (sweep["best_run"], sweep["best"]) == (2, pytest.approx(0.92))


def test_names_and_notes_cannot_move_the_cursor(home, pretty):
    with Store(home) as store:
        store.add_run("r1", project="p", name="\x1b[31mred\x07\nnext", config={"a": "日本語" * 9})
        store.add_run("r2", project="p", config={"a": "b"})
    for arguments in (["ls"], ["ls", "p"], ["show", "r1"]):
        text = call(*arguments, color=True).stdout
        assert "\x1b" not in text
        assert "\x07" not in text
    assert "⏎" in call("show", "r1").stdout


def test_json_has_the_documented_fields_and_no_nan(filled):
    documented = set(re.findall(r"`(\w+)`", PAGE.read_text()))
    home = json.loads(call("ls", "--json").stdout, parse_constant=pytest.fail)
    run = json.loads(call("show", "4", "--json").stdout, parse_constant=pytest.fail)
    sweep = json.loads(call("show", "x3k9a2bc", "--json").stdout)
    assert home["sweeps"][0].keys() | home["runs"][0].keys() | run.keys() <= documented
    assert sweep.keys() <= documented
    assert run["summary"]["error_rate"] is None
    assert run["metrics"]["error_rate"].keys() <= documented
    assert sweep["spec"] == SPEC


SHOWN = """\
digits > crop or squish > NAME
finished
run         number 1, id ID
sweep       crop or squish (x3k9a2bc)
when        started TIME (AGO), ended TIME
config      dataset        digits
            learning_rate  0.002
            model_name     linear
            resize_method  crop
            epochs         5
summary       last  curve   first  min @step  max @step  points
error_rate  0.0442  █▄▂▁▁  0.1242  0.0442 @4  0.1242 @0       5
epoch            4  ▁▃▅▆█       0       0 @0       4 @4       5
fit_time      12.8
error_rate
     │⠉⠒⠤⣀
     │    ⠉⠒⠤⢄⡀
0.10 ┤        ⠈⠑⠢⢄⣀
     │             ⠉⠒⠤⣀
     │                 ⠉⠒⠒⠢⠤⠤⠤⢄⣀⣀⣀
     │                            ⠉⠉⠉⠑⠒⠒⠒⠢⠤⠤⠤⠤⢄⣀⣀⣀⣀⣀
0.05 ┤                                              ⠉⠉⠉⠉⠉⠉⠑⠒⠒⠒⠒⠒⠒⠒⠤⠤⠤⠤⠤⠤⠤⠤⠤⣀⣀⣀⣀⣀
     └┬─────────────────┬──────────────────┬─────────────────┬──────────────────
      0                 1                  2                 3              step
git         a9c498f00000 on main, with changes not committed
command     cd /home/me/digits && python train.py
cost        time 1m03s, CPU 1m00s (2.5s of it system), memory 412 MiB at most,
            exit code 0
machine     gpu1
folder      HOME/runs/ID
files       output.log 16 B
"""


def test_a_page_about_a_run(filled, pretty):
    shown = call("show", "1")
    run = json.loads(call("show", "1", "--json").stdout)
    text = shown.stdout.replace(str(filled), "HOME").replace(run["id"], "ID")
    text = re.sub(r"\d+-\d+-\d+ \d+:\d+:\d+", "TIME", text.replace(run["name"], "NAME"))
    assert re.sub(r"\((now|.*? ago)\)", "(AGO)", text) == SHOWN
    assert "next: homerun logs 1" in shown.stderr
    failed = call("show", "3").stdout
    assert "failed: exit code 1" in failed
    assert "detail      ValueError: no such model" in failed


def test_a_page_about_a_sweep(filled, pretty):
    shown = call("show", "crop or squish")
    assert re.search(r"^progress    ━+─+  4 of 8 runs done$", shown.stdout, re.MULTILINE)
    assert "3 pending, 1 running, 2 finished, 1 failed, 1 killed" in shown.stdout
    assert "best        0.0442 by run 1  █▄▂▁▁" in shown.stdout
    assert "varies      dataset, learning_rate, model_name" in shown.stdout
    assert "the same    resize_method=crop, epochs=5" in shown.stdout
    assert "learning_rate  0.002, 0.008" in shown.stdout
    assert "homerun watch x3k9a2bc" in shown.stderr


def test_a_name_may_mean_a_run_or_a_sweep(home):
    with Store(home) as store:
        add_sweep(store, sweep_id="abc1")
        store.add_run("abc2", project="p", name="both")
        add_sweep(store, sweep_id="xyz1", name="both")
        add_sweep(store, sweep_id="1abc", name="first letter of a number")
    assert "no run or sweep answers to 'abcd'" in attempt("show", "abcd").stderr
    for ref in ("abc", "both"):
        done = attempt("show", ref)
        assert (done.returncode, "give the whole id" in done.stderr) == (1, True)
    assert json.loads(call("show", "abc2", "--json").stdout)["name"] == "both"
    assert json.loads(call("show", "abc1", "--json").stdout)["spec"] == SPEC
    assert json.loads(call("show", "1", "--json").stdout)["number"] == 1
    assert "argv" in json.loads(call("show", "1", "--json").stdout)
    assert json.loads(call("show", "1ab", "--json").stdout)["id"] == "1abc"


@settings(max_examples=60, deadline=None)
@given(
    lines=st.lists(st.binary(max_size=6), max_size=12), count=st.integers(0, 14), tail=st.booleans()
)
def test_the_last_lines_of_a_log_are_exact(lines, count, tail, tmp_path_factory):
    home = tmp_path_factory.mktemp("logs")
    data = b"\n".join(lines) + (b"\n" if tail else b"")
    with Store(home) as store:
        store.add_run("r1", project="p", state=RunState.FINISHED)
        store.folder("r1").make().output.write_bytes(data)
    expected = b"".join(data.splitlines(keepends=True)[-count:]) if count else b""
    if b"\r" in data or b"\x0b" in data or b"\x0c" in data:  # only \n ends a line here
        pieces = re.findall(rb"[^\n]*\n|[^\n]+$", data)
        expected = b"".join(pieces[-count:]) if count else b""
    env = {"HOMERUN_HOME": str(home)}
    assert call("logs", "r1", "-n", str(count), env=env).stdout_bytes == expected
    assert call("logs", "r1", env=env).stdout_bytes == data


def test_following_ends_when_the_run_does(home):
    with Store(home) as store:
        run = store.add_run("r1", project="p", agent="")
        lock = store.folder("r1").make().hold()
        with running("logs", "-f", "r1") as follower:
            assert follower.stderr.readline().endswith(b"; waiting\n")
            output = store.folder("r1").output
            output.write_bytes(b"one\n\xff")
            assert follower.stdout.read(5) == b"one\n\xff"
            with output.open("ab") as file:
                file.write(b"two")
            assert follower.stdout.read(3) == b"two"
            with output.open("ab") as file:
                file.write(b" and the last words")
            end(store, run, RunState.FAILED, "exit code 1")
            os.close(lock)
            rest, errors = follower.communicate(timeout=60)
    assert rest == b" and the last words"
    assert errors == b"run 1 is failed: exit code 1\n"
    assert follower.returncode == 0


def test_a_run_without_output_says_so(filled):
    assert "waits for an agent" in call("logs", "8").stderr
    assert "has no output" in call("logs", "solo").stderr


def test_tables_are_written_whole(filled, tmp_path):
    target = tmp_path / "runs.csv"
    assert "8 rows" in call("df", "x3k9a2bc", "-o", str(target)).stderr
    with target.open() as file:
        found = list(csv.DictReader(file))
    assert [row["state"] for row in found].count("finished") == 2
    piped = list(csv.DictReader(io.StringIO(attempt("df", "-p", "paddy").stdout)))
    assert [row["lr"] for row in piped] == ["1e-05"]
    call("df", "x3k9a2bc", "--history", "error_rate", "-o", str(tmp_path / "h.json"))
    points = json.loads((tmp_path / "h.json").read_text())
    assert len(points) == 4 * 5 + 2
    assert points[0].keys() == {"run", "key", "step", "value", "time"}
    assert attempt("df", "-o", tmp_path / "runs.xlsx").returncode == 2
    assert attempt("df", "-o", tmp_path / "none" / "runs.csv").returncode == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["h.json", "home", "runs.csv"]


def test_a_table_on_a_terminal_is_a_part_of_it(filled, pretty):
    shown = call("df")
    assert max(map(len, shown.stdout.splitlines())) <= 80
    assert "9 rows" in shown.stderr


def test_questions_in_sql(filled, pretty, monkeypatch):
    question = "select state, count(*) as n from run group by state order by n desc, state limit 2"
    assert call("sql", question).stdout.splitlines() == [
        "state     n",
        "finished  3",
        "pending   3",
    ]
    assert json.loads(call("sql", question, "--json").stdout) == [
        {"state": "finished", "n": 3},
        {"state": "pending", "n": 3},
    ]
    assert call("sql", question, "--csv").stdout == "state,n\nfinished,3\npending,3\n"
    monkeypatch.delenv("FORCE_COLOR")
    assert call("sql", "-", input=question).stdout == "state\tn\nfinished\t3\npending\t3\n"
    assert call("sql", "select 'a\tb\\' as x").stdout == "x\na\\tb\\\\\n"
    history = (
        "select count(*) from history where key = 'error_rate' and run in (select id from run)"
    )
    assert call("sql", history).stdout.splitlines()[1] == "22"


@pytest.mark.parametrize(
    "statement",
    [
        "delete from run",
        "update run set name = 'x'",
        "drop table run",
        "create table mine(x)",
        "pragma user_version = 7",
    ],
)
def test_sql_changes_nothing_unless_told(filled, statement):
    done = attempt("sql", statement)
    assert (done.returncode, done.stdout) == (2, "")
    assert "homerun sql --write" in done.stderr


def test_sql_that_makes_no_sense_is_one_line(filled):
    for statement, told in (
        ("selec 1", "syntax error"),
        ("select 1; select 2", "one statement"),
        ("select * from nowhere", "no such table"),
        ("select ?", "bindings"),
    ):
        done = attempt("sql", statement)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert told in done.stderr


def test_sql_writes_when_told(filled):
    done = attempt("sql", "update run set notes = 'seen' where state = 'failed'", "--write")
    assert (done.returncode, done.stderr) == (0, "1 row changed\n")
    assert call("note", "3").stdout == "seen\n"
    assert attempt("sql", "--write", "update run set number = 1 where number = 2").returncode == 2


def test_a_long_question_can_be_interrupted(filled):
    endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n"
    with running("sql", endless) as asking:
        maps = Path(f"/proc/{asking.pid}/maps")
        until(lambda: "_sqlite3" in maps.read_text())
        stop = threading.Event()

        def press():
            while not stop.wait(0.2):
                asking.send_signal(2)

        threading.Thread(target=press, daemon=True).start()
        _, errors = asking.communicate(timeout=60)
        stop.set()
    assert asking.returncode == 130
    assert b"Traceback" not in errors


def test_colours_can_be_asked_for_where_there_is_no_terminal(filled):
    def listed(*options, **environ):
        command = [sys.executable, "-c", "from homerun.cli import main; main()", *options, "ls"]
        kept = {k: v for k, v in os.environ.items() if k not in {"NO_COLOR", "FORCE_COLOR"}}
        return subprocess.check_output(command, env=kept | environ, text=True)

    assert "\x1b[" in listed("--color", "always")
    assert "\x1b[" in listed(FORCE_COLOR="1")
    assert "\x1b[" not in listed(FORCE_COLOR="1", NO_COLOR="1")
    assert "\x1b[" not in listed("--color", "never", FORCE_COLOR="1")
    assert "\x1b[" not in listed()
