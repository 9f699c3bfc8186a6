"""What a person sees: in a real terminal of 80 columns and 24 lines, given by tmux."""

import re

import pytest

from homerun.agent import Ended, Tally
from homerun.cli.live import ended_line
from homerun.core import End, Metric, Run, RunState
from homerun.store import Store
from tests.cli_call import HOMERUN, until
from tests.cli_home import fill

SWEEP = """\
method: grid
project: toy
name: toys
command: [/bin/sh, program.sh, "${args_no_hyphens}"]
parameters:
  a: {values: [1, 2, 3]}
"""
# Runs until there is a file named a=1 and so on.
WAITS = 'touch "$1.begun"; while [ ! -e "$1" ]; do sleep 0.02; done\n'


@pytest.fixture
def waiting(terminal, tmp_path):
    """Have an agent with two slots at work, whose runs wait for a file named after their a."""
    (tmp_path / "sweep.yaml").write_text(SWEEP)
    (tmp_path / "program.sh").write_text(WAITS)
    terminal.type(f"clear; {HOMERUN} run --slots 2 sweep.yaml; echo code $?")
    terminal.shows("0/3 done  2 running")
    return tmp_path


def test_tables_fit_the_window_and_are_coloured(terminal, home):
    with Store(home) as store:
        fill(store)
    terminal.type(f"clear; {HOMERUN} ls; {HOMERUN} ls x3k9a2bc; echo end")
    screen = terminal.shows("\nend")
    assert "x3k9a2bc  digits > crop or s…  running   4/8" in screen
    assert re.search(r"^  1  finished      0.0442  digits +0.002  linear", screen, re.MULTILINE)
    assert "the same in all: resize_method=crop, epochs=5" in screen
    # Nothing was wrapped: every row of both tables begins with its number.
    assert len(re.findall(r"^ +\d  (?:\S+|finished) ", screen, re.MULTILINE)) == 14
    assert "\x1b[32mfinished" in terminal.screen("-e")


def test_progress_is_live_and_leaves_the_results(terminal, waiting):
    screen = terminal.screen()
    assert re.search(r"^ +1 running +\d+\.\ds  a=1$", screen, re.MULTILINE)
    assert re.search(r"^ +2 running +\d+\.\ds  a=2$", screen, re.MULTILINE)
    seconds = re.search(r"1 running +(\S+)s", screen)
    until(lambda: re.search(r"1 running +(\S+)s", terminal.screen())[1] != seconds[1])
    (waiting / "a=1").touch()
    screen = terminal.shows("1/3 done  2 running")
    assert re.search(r"^ +1 finished +\d+\.\ds  +a=1$", screen, re.MULTILINE)
    assert "ETA" in screen
    for value in (2, 3):
        (waiting / f"a={value}").touch()
    screen = terminal.shows("code 0")
    assert "3 finished\nnext: homerun ls" in screen
    assert " done" not in screen
    assert terminal.flag("cursor_flag") == "1"
    assert terminal.flag("alternate_on") == "0"


def test_progress_survives_another_size_of_the_window(terminal, waiting):
    (waiting / "a=1").touch()
    terminal.shows("1/3 done  2 running")
    terminal.resize(30, 12)
    terminal.shows("━━━━━━━━────────────────  1/…")
    assert re.search(r"\n    2 running +\S+  a=2\n    3 running .*\n━.*$", terminal.screen())
    for columns in (50, 25, 100):  # faster than the program can know
        terminal.resize(columns, 30)
    terminal.shows("1/3 done  2 running")
    assert re.search(r"PATH\)\n    1 finished +\S+  a=1\n    2 running", terminal.screen())
    (waiting / "a=2").touch()
    terminal.shows("2/3 done  1 running")
    until(lambda: terminal.screen().count("/3 done") == 1)
    (waiting / "a=3").touch()
    screen = terminal.shows("code 0")
    assert [screen.count(f" {n} finished ") for n in (1, 2, 3)] == [1, 1, 1]
    assert "━" not in screen


def test_progress_is_silent_in_the_background_and_back_with_fg(terminal, waiting):
    terminal.press("C-z")
    terminal.shows("Stopped")
    terminal.type("clear; bg; echo here")
    terminal.shows("\nhere\n")
    (waiting / "a=1").touch()
    until((waiting / "a=3.begun").exists)
    terminal.type("echo still here")
    assert "finished" not in terminal.shows("\nstill here")
    terminal.type("fg")
    screen = terminal.shows("1/3 done  2 running")
    assert screen.count("━") == 8
    assert re.search(r"\bfg\n.*sweep.yaml\n    1 finished .*a=1\n    2 running", screen), screen
    for value in (2, 3):
        (waiting / f"a={value}").touch()
    terminal.shows("next: homerun ls")
    assert "━" not in terminal.screen()


@pytest.mark.parametrize(
    ("columns", "settings"),
    [
        (110, "dataset=digits opt.learning_rate=0.002 model_name=convnet"),
        (80, "dat=digits lea=0.002 mod=convnet"),
        (70, "digits 0.002 convnet"),
    ],
)
def test_what_sets_a_run_apart_is_shortened_to_fit(columns, settings):
    run = Run(
        id="r1",
        number=12,
        project="digits",
        name="r1",
        state=RunState.FINISHED,
        config={"dataset": "digits", "opt": {"learning_rate": 0.002}, "model_name": "convnet"},
        summary={"error_rate": 0.0442},
    )
    event = Ended(run=run, end=End(state=run.state, ended_at=0.0, runtime_s=63.0))
    line = ended_line(event, Tally(metric=Metric(name="error_rate")), [], columns)
    shown = f"   12 finished   1m03s  error_rate 0.0442     {settings}"
    assert line.text == shown.ljust(columns)


def test_ctrl_c_twice_leaves_a_clean_terminal(terminal, waiting):
    terminal.press("C-c")
    terminal.shows("Ctrl-C again stops")
    terminal.press("C-c")
    screen = terminal.shows("code 130")
    assert "1 pending, 2 killed" in screen
    assert "to go on: homerun agent" in screen
    assert "━" not in screen
    assert terminal.flag("cursor_flag") == "1"
    terminal.type("stty -a | grep -c ' echo '")
    terminal.shows("\n1\n")
