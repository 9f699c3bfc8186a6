"""W&B's command lines: its options on our commands, and `homerun wandb` for scripts as they are."""

import re

import pytest

from homerun.store import Store
from tests.cli_call import attempt, call

SWEEP = """
program: train.py
method: grid
parameters:
  lr: {values: [1, 2]}
"""


@pytest.fixture
def file(home, tmp_path, monkeypatch):
    """Return a sweep file beside its program, in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text("print('trained')\n")
    path = tmp_path / "sweep.yaml"
    path.write_text(SWEEP + "command: ['${env}', python3, '${program}', '${args}']\n")
    return path


def sweeps():
    with Store() as store:
        return store.sweeps()


def test_a_script_finds_the_id_as_wandb_prints_it(file):
    done = attempt("wandb", "sweep", "--project", "digits", "--name", "first", file)
    assert (done.returncode, done.stdout) == (0, "")
    [record] = sweeps()
    assert f"wandb: Creating sweep with ID: {record.id}\n" in done.stderr
    found = re.search(r"wandb agent (.*)", done.stderr)
    assert found is not None
    assert found[1] == f"local/digits/{record.id}"
    assert (record.name, record.project) == ("first", "digits")
    done = attempt("wandb", "agent", "--count", "1", found[1])
    assert done.returncode == 0
    assert attempt("wandb", "agent", "-p", "digits", "-e", "me", record.id).returncode == 0
    assert "2 finished" in attempt("agent", record.id).stdout


def test_the_entity_is_the_one_that_is_known(file, monkeypatch):
    assert " me/uncategorized/" in attempt("wandb", "sweep", "-e", "me", file).stderr
    assert sweeps()[0].spec["entity"] == "me"
    monkeypatch.setenv("WANDB_ENTITY", "us")
    monkeypatch.setenv("WANDB_PROJECT", "theirs")
    assert " us/theirs/" in attempt("wandb", "sweep", file).stderr


def test_states_of_a_sweep_change_by_its_long_name(file):
    call("sweep", str(file))
    [record] = sweeps()
    for option, state in (
        ("--pause", "paused"),
        ("--resume", "running"),
        ("--stop", "finished"),
        ("--cancel", "canceled"),
    ):
        ref = f"me/{record.project}/{record.id}"
        assert attempt("wandb", "sweep", option, ref).returncode == 0
        assert sweeps()[0].state == state


def test_an_agent_takes_sweeps_of_the_named_project_alone(file):
    call("sweep", "-p", "digits", str(file))
    [record] = sweeps()
    for arguments in ((f"me/other/{record.id}",), (record.id, "-p", "other")):
        done = attempt("agent", *arguments)
        assert done.returncode == 1
        assert "in project 'digits', not in 'other'" in done.stderr


def test_options_without_meaning_are_accepted_and_said(file):
    done = attempt("sweep", "--controller", "--settings", "x", "-R", "a", "-R", "b", file)
    assert done.returncode == 0
    for option in ("--controller", "--settings", "homerun.prior: has no effect: method grid"):
        assert done.stderr.count(option) == 1
    done = attempt("agent", "-f", "-t", "5", sweeps()[0].id, "--max-consecutive-failed-runs", "3")
    assert done.returncode == 0
    assert "--forward-signals" in done.stderr
    assert "--term-timeout" in done.stderr


def test_the_program_can_be_another(file, tmp_path):
    (tmp_path / "other.py").write_text("")
    attempt("sweep", "--program", "other.py", file)
    assert sweeps()[0].spec["program"] == "other.py"


def test_update_puts_a_file_in_the_place_of_another(file):
    call("sweep", str(file))
    [record] = sweeps()
    attempt("agent", "--count", "1", record.id)
    file.write_text(file.read_text().replace("[1, 2]", "[2, 3, 4]"))
    done = attempt("sweep", "--update", f"me/uncategorized/{record.id}", file, "--dry-run")
    assert (done.returncode, len(sweeps())) == (0, 1)
    assert sweeps()[0].spec == record.spec
    assert attempt("wandb", "sweep", "--update", record.id, file).returncode == 0
    assert attempt("agent", record.id).returncode == 0
    with Store() as store:
        runs = store.runs(sweep=record.id)
    assert sorted(run.config["lr"] for run in runs if run.state == "finished") == [1, 2, 3, 4]
    done = attempt("sweep", "--update", record.id, file, "--stop")
    assert (done.returncode, "--update" in done.stderr) == (2, True)


@pytest.mark.parametrize("prefix", [(), ("wandb",)])
def test_what_has_little_to_do_is_accepted(home, tmp_path, monkeypatch, prefix):
    monkeypatch.chdir(tmp_path)
    done = attempt(*prefix, "login", "--relogin", "0123456789abcdef")
    assert (done.returncode, "0123456789abcdef" in done.stderr) == (0, False)
    assert "nothing to log in to" in done.stderr
    assert not home.exists()
    for command in ("logout", "online", "offline", "enabled", "sync"):
        done = attempt(*prefix, command)
        assert (done.returncode, done.stderr == "") == (0, False)
    assert "not made yet" in attempt(*prefix, "status").stdout
    done = attempt(*prefix, "disabled")
    assert (done.returncode, "HOMERUN_MODE=disabled" in done.stderr) == (2, True)
    done = attempt(*prefix, "init", "-p", "digits", "-e", "me", tmp_path / "there")
    assert (done.returncode, "HOMERUN_PROJECT=digits" in done.stderr) == (0, True)


def test_the_status_counts_runs(file, monkeypatch):
    call("sweep", str(file))
    attempt("agent", sweeps()[0].id)
    monkeypatch.setenv("WANDB_PROJECT", "digits")
    lines = dict(line.split(maxsplit=1) for line in attempt("status").stdout.splitlines())
    assert (lines["runs"], lines["agents"], lines["project"]) == ("2", "0", "digits")
    assert attempt("verify").returncode == 0


def test_what_is_not_there_says_what_to_do_instead(home):
    done = attempt("wandb", "docker", "run", "--gpus", "all")
    assert (done.returncode, "wandb docker" in done.stderr) == (2, True)
    done = attempt("wandb", "launch-agent", "-q", "x")
    assert "homerun agent --stay" in done.stderr
    assert attempt("wandb", "nonsense").returncode == 2
    done = attempt("sync", "nowhere")
    assert (done.returncode, "nowhere" in done.stderr) == (1, True)


def test_the_help_names_the_commands(home):
    done = attempt("wandb", "--help")
    assert done.returncode == 0
    for name in ("sweep", "agent", "login", "sync", "status"):
        assert f"  {name} " in done.stdout
        assert attempt("wandb", name, "--help").returncode == 0
