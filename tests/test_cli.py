"""The command line as a whole: what it loads, how it ends, how it completes, where it looks."""

import inspect
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from homerun.cli import app
from homerun.store import Store, add_agent, identity
from tests.cli_call import HOMERUN, attempt, call, running, start
from tests.cli_home import add_sweep
from tests.commands_page import PAGE, renewed

CONTEXT = click.Context(app)
COMMANDS = [(name, app.get_command(CONTEXT, name)) for name in app.list_commands(CONTEXT)]


def test_help_loads_nothing_that_it_does_not_need():
    program = (
        "import sys\n"
        "from homerun.cli import app\n"
        "app.main(['--help'], standalone_mode=False)\n"
        "heavy = {'sqlite3', 'rich', 'pandas', 'yaml', 'msgpack', 'psutil', 'numpy', 'asyncio',"
        " 'textual', 'matplotlib'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], stdout=-1, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    for name, _ in COMMANDS:
        assert f"\n  {name} " in done.stdout


@pytest.mark.parametrize(("name", "command"), COMMANDS)
def test_every_command_has_an_example_and_explains_its_options(name, command):
    _, _, examples = inspect.cleandoc(command.help).partition("\n\n\b\n")
    assert f"homerun {name}" in examples or f"homerun {name}" in command.help
    assert all(
        parameter.help for parameter in command.params if isinstance(parameter, click.Option)
    )
    assert call(name, "--help").exit_code == 0


def helps(command, context):
    """Yield the help of a command in 80 columns, and of those in it."""
    yield command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            yield from helps(inner, click.Context(inner, info_name=name, parent=context))


def test_help_fits_80_columns_and_is_whole():
    texts = list(helps(app, click.Context(app, info_name="homerun", terminal_width=78)))
    assert len(texts) > len(COMMANDS)
    for text in texts:
        assert [line for line in text.splitlines() if len(line) > 80] == []
        listed = text.partition("Commands:\n")[2]
        assert "..." not in listed


def test_the_page_of_commands_is_current():
    text = PAGE.read_text()
    assert text == renewed(text), "run: python -m tests.commands_page"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["lss"], 2, "there is no command 'lss'; did you mean ls?"),
        (["ls", "--fast"], 2, "--fast"),
        (["show"], 2, "see: homerun show --help"),
        (["show", "nope"], 1, "no run or sweep answers to 'nope'"),
        (["sql", "drop table run"], 2, "homerun sql --write"),
        (["sweep", "none.yaml"], 2, "none.yaml: cannot be read"),
        (["push"], 2, "missing argument 'wandb'. Choose from: wandb; see: homerun push --help"),
        (["tag", "1", "baseline"], 2, "write +baseline or -baseline"),
        (["kill", "--grace", "soon", "1"], 2, "'soon'"),
    ],
)
def test_an_error_is_one_line_and_has_its_exit_code(filled, arguments, code, told):
    done = attempt(*arguments)
    assert done.returncode == code
    assert done.stderr.startswith("homerun: ")
    assert done.stderr.count("\n") == 1
    assert told in done.stderr
    assert done.stdout == ""


def test_a_reader_that_goes_away_ends_the_command_without_a_word(home):
    with Store(home) as store:
        for index in range(1000):
            store.add_run(f"run{index:05}", project="p", notes="x" * 50)
    command = f"set -o pipefail; {HOMERUN} ls p --json | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 128 + signal.SIGPIPE
    assert (done.stdout, done.stderr) == ("[\n", "")


def test_a_group_without_a_command_shows_its_help(home):
    done = attempt("artifact")
    assert done.returncode == 2
    assert done.stderr == call("artifact", "--help").stdout.replace("app ", "homerun ")


@pytest.mark.parametrize("arguments", [["ls"], ["ls", "--json"], ["df", "x3k9a2bc"]])
def test_output_that_finds_no_room_is_one_line(filled, arguments):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [HOMERUN, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr == "homerun: the output cannot be written: No space left on device\n"


def test_streams_that_are_closed_are_no_reason_to_fail(filled):
    for closed in (">&-", "<&- >&-", "<&- >&- 2>&-"):
        command = f"{HOMERUN} ls {closed}"
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_ctrl_c_ends_with_130_and_no_traceback(filled):
    with running("logs", "-f", "5", text=True) as follower:
        assert follower.stdout.readline() == "epoch 0\n"
        follower.send_signal(signal.SIGINT)
        _, errors = follower.communicate(timeout=60)
    assert follower.returncode == 130
    assert errors.strip() == ""


def test_version_and_home_option(filled, tmp_path, monkeypatch):
    assert call("--version").stdout.startswith("homerun 0.")
    monkeypatch.setenv("HOMERUN_HOME", str(tmp_path / "other"))
    assert json.loads(call("--home", str(filled), "ls", "--json").stdout)["sweeps"]


def test_the_package_is_the_command_where_its_script_is_not_on_the_path(home):
    command = [sys.executable, "-m", "homerun", "show", "nope"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, attempt("show", "nope").stderr)


def test_without_a_home_nothing_is_made_and_the_next_step_is_told(home):
    welcome = call()
    assert str(home) in welcome.stdout
    assert "homerun sweep sweep.yaml" in welcome.stdout
    assert json.loads(call("ls", "--json").stdout) == {"sweeps": [], "runs": []}
    done = attempt("show", "1")
    assert done.returncode == 1
    assert "homerun init" in done.stderr
    assert not home.exists()


def test_welcome_says_what_runs_and_what_is_open(filled):
    text = call(env={"COLUMNS": "100"}).stdout
    assert "1 sweep, 9 runs" in text
    assert re.search(
        r"^running  5 digits > crop or squish > \S+, \S+s, error_rate 0.25 █▁$", text, re.MULTILINE
    )
    assert re.search(r"^open     ━+─+ x3k9a2bc digits > .*: 4 of 8 done", text, re.MULTILINE)
    assert re.search(r"^finished 9 paddy > solo, ", text, re.MULTILINE)
    assert re.search(r"^failed   3 digits > .*, exit code 1$", text, re.MULTILINE)
    assert "homerun agent x3k9a2bc " in text
    assert "homerun logs 3 " in text


def test_welcome_knows_the_sweep_of_the_folder(filled, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sweep.yaml").write_text("method: grid")
    assert "here     sweep.yaml, of which no sweep was made yet" in call().stdout
    with Store(filled) as store:
        add_sweep(store, sweep_id="here1", name="ours", source=str(tmp_path / "sweep.yaml"))
    assert "here     digits > ours (here1), made from sweep.yaml" in call().stdout


def test_init_makes_a_home_that_is_found_from_below(home, tmp_path, monkeypatch):
    monkeypatch.delenv("HOMERUN_HOME")
    below = tmp_path / "project" / "src"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert "made" in call("init", "..").stderr
    assert (tmp_path / "project" / ".homerun" / ".gitignore").read_text() == "*\n"
    assert str(tmp_path / "project" / ".homerun") in call().stdout
    assert "already there" in call("init", "..").stderr
    monkeypatch.setenv("HOMERUN_HOME", str(home))
    assert f"names another home: {home}" in call("init", "..").stderr


@pytest.mark.parametrize(
    ("environ", "options", "is_pretty", "is_colored"),
    [
        ({}, [], False, False),
        ({"FORCE_COLOR": "1"}, [], True, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, [], True, False),
        ({"NO_COLOR": "1"}, ["--color", "always"], True, True),
        ({"FORCE_COLOR": "1"}, ["--color", "never"], True, False),
    ],
)
def test_colour_is_as_asked_for(filled, monkeypatch, environ, options, is_pretty, is_colored):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    # CliRunner strips colours unless told to keep them.
    text = call(*options, "ls", color=True).stdout
    assert ("\x1b[" in text) == is_colored
    assert ("\t" in text) != is_pretty


def test_a_terminal_without_unicode_or_room_is_served(filled):
    env = {**os.environ, "PYTHONIOENCODING": "ascii", "FORCE_COLOR": "1", "COLUMNS": "1"}
    for arguments in (["ls"], ["ls", "x3k9a2bc"], ["show", "1"], ["sql", "select '日本' as x"]):
        assert start(*arguments, env=env).returncode == 0


def completions(words, **environ):
    done = subprocess.run(
        [HOMERUN],
        env={
            **os.environ,
            "_HOMERUN_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            **environ,
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.split("\t")[1] for line in done.stdout.splitlines() if line]


def test_commands_options_and_ids_complete(filled, tmp_path):
    assert completions("homerun l") == ["ls", "logs"]
    assert completions("homerun ls --s") == ["--sort", "--state"]
    assert completions("homerun show solo") == ["solo1234"]
    assert completions("homerun agent ") == ["x3k9a2bc"]
    assert "x3k9a2bc" in completions("homerun kill solo1234 ")
    assert completions("homerun note crop") == []
    assert completions("homerun show x", HOMERUN_HOME=str(tmp_path / "none")) == []
    with Store(filled) as store:
        add_agent(store, str(identity()), serves="x3k9a2bc", slots=1)
        assert completions("homerun attach ") == completions("homerun detach ") == ["1"]
        assert completions("homerun stop ") == ["1", "x3k9a2bc"]
        assert completions("homerun stop 1 ") == ["x3k9a2bc"]
    assert completions(f"homerun --home {filled} show solo1", HOMERUN_HOME="/none") == ["solo1234"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_and_how_to_use_it(shell):
    done = attempt("completion", shell)
    assert done.returncode == 0
    assert "_HOMERUN_COMPLETE" in done.stdout
    assert f"homerun completion {shell}" in done.stdout.splitlines()[-1]
    assert done.stderr == ""


def test_a_database_that_is_damaged_names_the_doctor(filled):
    with (filled / "homerun.db").open("r+b") as file:
        file.write(b"gone" * 30)
    done = start("ls")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "homerun doctor --repair" in done.stderr
