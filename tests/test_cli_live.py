"""What a person sees: in a real terminal of 80 columns and 24 lines, given by tmux."""

import os
import re
import subprocess
import uuid

import pytest

from homerun.store import Store
from tests.cli_call import HOMERUN, environment, until
from tests.cli_home import fill

SWEEP = """\
method: grid
project: toy
name: toys
command: [/bin/sh, program.sh, "${args_no_hyphens}"]
parameters:
  a: {values: [1, 2, 3]}
"""
WAITS = 'while [ ! -e "$1" ]; do sleep 0.02; done\n'  # until there is a file named a=1 and so on


class Terminal:
    """A terminal with a shell in it."""

    def __init__(self):
        self._name = f"homerun-{uuid.uuid4().hex[:8]}"
        # tmux would hand its own TERM and the size of ours to the shell.
        hidden = ("COLUMNS", "LINES", "TERM", "NO_COLOR", "FORCE_COLOR", "TMUX")
        env = {name: value for name, value in environment().items() if name not in hidden}
        self._env = {**env, "TERM": "screen", "LC_ALL": "C.UTF-8"}

    def open(self, folder):
        """Start the shell and wait for its prompt."""
        size = ("-x", "80", "-y", "24")
        self.tmux("-f", os.devnull, "new-session", "-d", *size, "-c", folder, "bash --norc")
        self.shows("bash")  # its prompt

    def tmux(self, *arguments):
        """Give tmux an order and return its answer."""
        done = subprocess.run(
            ["tmux", "-L", self._name, *map(str, arguments)],
            env=self._env,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def type(self, text):
        """Type a line."""
        self.tmux("send-keys", "-l", text)
        self.tmux("send-keys", "Enter")

    def press(self, key):
        """Press a key."""
        self.tmux("send-keys", key)

    def screen(self, *options):
        """Return what is to be seen."""
        return self.tmux("capture-pane", "-p", *options).rstrip("\n")

    def shows(self, text):
        """Wait until a text is to be seen and return the screen."""
        try:
            return until(lambda: text in self.screen() and self.screen())
        except AssertionError:
            raise AssertionError(f"waited in vain for {text!r} in:\n{self.screen()}") from None

    def flag(self, name):
        """Return a property of the terminal."""
        return self.tmux("display-message", "-p", f"#{{{name}}}").strip()


@pytest.fixture
def terminal(home, tmp_path):
    terminal = Terminal()
    try:
        terminal.open(tmp_path)
        yield terminal
    finally:
        terminal.tmux("kill-server")


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
    assert "done" not in screen
    assert terminal.flag("cursor_flag") == "1"
    assert terminal.flag("alternate_on") == "0"


def test_progress_survives_another_size_of_the_window(terminal, waiting):
    terminal.tmux("resize-window", "-x", "50", "-y", "12")
    (waiting / "a=1").touch()
    terminal.shows("1/3 done  2 running")
    terminal.tmux("resize-window", "-x", "100", "-y", "30")
    (waiting / "a=2").touch()
    terminal.shows("2/3 done  1 running")
    until(lambda: terminal.screen().count("done") == 1)
    (waiting / "a=3").touch()
    screen = terminal.shows("code 0")
    assert [screen.count(f" {n} finished ") for n in (1, 2, 3)] == [1, 1, 1]
    assert "━" not in screen


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
