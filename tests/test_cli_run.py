"""From a sweep file to runs on the command line: real programs, exit codes, one line an event."""

import json
import re
import signal
import subprocess
import sys

import pytest

from homerun.store import Store
from tests.cli_call import HOMERUN, attempt, call, environment, running, start, until

SWEEP = """\
method: grid
project: toy
name: toys
command: [/bin/sh, program.sh, "${args_no_hyphens}"]
parameters:
  a: {values: [1, 2]}
  b: {values: [3, 4]}
homerun:
  constraints:
    - require: a != 2 or b == 4
      reason: they do not go together
"""


@pytest.fixture
def folder(home, tmp_path, monkeypatch):
    """Return a folder with a sweep of three runs of a shell script, as current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sweep.yaml").write_text(SWEEP)
    (tmp_path / "program.sh").write_text('echo "$@"\n')
    return tmp_path


def states(home):
    with Store(home) as store:
        return [(run.state, run.reason, run.config) for run in store.runs()]


def test_a_dry_run_tells_all_and_makes_nothing(folder, home):
    done = attempt("sweep", "sweep.yaml", "--dry-run")
    assert done.stdout == (
        "sweep.yaml: 3 runs (grid: 4 configurations)\n"
        "excluded  1 of 4 configurations\n"
        "          1 by a != 2 or b == 4: they do not go together\n"
        "first     /bin/sh program.sh a=1 b=3\n"
        "last      /bin/sh program.sh a=2 b=4\n"
    )
    document = json.loads(attempt("sweep", "sweep.yaml", "--dry-run", "--json").stdout)
    assert document["id"] is None
    assert (document["planned"], document["configurations"], document["excluded"]) == (3, 4, 1)
    assert document["first"] == ["/bin/sh", "program.sh", "a=1", "b=3"]
    assert not home.exists()


def test_wandb_gets_the_file_without_our_key(folder, home):
    assert call("sweep", "sweep.yaml", "--wandb-yaml").stdout == SWEEP.partition("homerun:")[0]
    assert not home.exists()


def test_a_sweep_file_that_is_wrong_is_one_line(folder):
    (folder / "sweep.yaml").write_text(SWEEP.replace("method: grid", "method: gird"))
    for arguments in (["sweep", "sweep.yaml"], ["run", "sweep.yaml"]):
        done = attempt(*arguments)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "sweep.yaml:1: method: 'gird' is unknown" in done.stderr


def test_sweep_then_agent(folder, home):
    made = attempt("sweep", "sweep.yaml", "--name", "other", "-p", "mine")
    sweep_id = made.stdout.strip()
    assert f"next: homerun agent {sweep_id}" in made.stderr
    assert "3 runs" in made.stderr
    done = start("agent", sweep_id, "--slots", "2")
    assert (done.returncode, done.stdout) == (0, "3 finished\n")
    lines = [line.partition(" ")[2] for line in done.stderr.splitlines()]
    assert "run 1 started, a=1 b=3" in lines
    ended = [line for line in lines if re.fullmatch(r"run \d finished in .*, \d of 3 done.*", line)]
    assert len(ended) == 3
    with Store(home) as store:
        sweep = store.sweep("other")
        assert (sweep.project, sweep.state) == ("mine", "finished")
        assert sweep.cwd == str(folder)
    assert call("logs", "3").stdout == "a=2 b=4\n"
    again = start("agent", sweep_id)
    assert (again.returncode, again.stdout) == (0, "3 finished\n")


def test_some_run_failed_is_exit_code_1(folder, home):
    (folder / "program.sh").write_text('case "$1$2" in a=1b=4) echo no; exit 3;; esac\n')
    done = start("run", "sweep.yaml")
    assert (done.returncode, done.stdout) == (1, "2 finished, 1 failed\n")
    assert "run 2 failed" in done.stderr
    assert "exit code 3: no" in done.stderr
    assert [state for state, _, _ in states(home)] == ["finished", "failed", "finished"]


def test_only_failures_pause_the_sweep_until_it_is_resumed(folder, home):
    (folder / "program.sh").write_text("exit 3\n")
    done = start("run", "--max-failures", "2", "sweep.yaml")
    assert done.returncode == 1
    assert "2 runs in a row failed" in done.stderr
    assert "homerun resume" in done.stderr
    call("sweep", "--resume", "toys")
    (folder / "program.sh").write_text("exit 0\n")
    assert start("agent", "toys").returncode == 0
    assert [state for state, _, _ in states(home)] == ["failed", "failed", "finished"]


def test_count_and_python_and_slots_are_checked(folder, home):
    done = start("run", "--count", "1", "sweep.yaml")
    assert done.returncode == 0
    assert "to go on: homerun agent" in done.stderr
    assert attempt("agent", "toys", "--slots", "0").returncode == 2
    done = attempt("agent", "toys", "--python", sys.executable.replace("bin/python", "bin/homerun"))
    assert done.returncode == 2
    assert "give the bin/python of an environment" in done.stderr


def test_programs_start_with_the_python_that_was_chosen(folder, home):
    other = folder / "other" / "bin"
    other.mkdir(parents=True)
    (other / "python").write_text('#!/bin/sh\necho "the other one: $@"\n')
    (other / "python").chmod(0o755)
    (folder / "sweep.yaml").write_text("program: t.py\nmethod: grid\nparameters: {a: {value: 1}}\n")
    assert start("run", "--python", other / "python", "sweep.yaml").returncode == 0
    assert call("logs", "1").stdout == "the other one: t.py --a=1\n"


def test_the_states_of_a_sweep_are_set(folder, home):
    sweep_id = attempt("sweep", "sweep.yaml").stdout.strip()
    for option, state in (("--pause", "paused"), ("--resume", "running"), ("--stop", "finished")):
        call("sweep", option, sweep_id)
        with Store(home) as store:
            assert store.sweep(sweep_id).state == state
    assert attempt("sweep", "--pause", "--stop", sweep_id).returncode == 2
    assert attempt("sweep", "--pause", "nope").returncode == 1


def test_a_command_is_one_run_and_its_exit_code_is_ours(folder, home):
    done = start(
        *("run", "-p", "mine", "--name", "first", "--tag", "a", "--tag", "b"),
        *("--", "/bin/sh", "-c", "echo out; echo err >&2; exit 7"),
    )
    assert done.returncode == 7
    assert sorted(done.stdout.splitlines()) == ["err", "out"]
    assert "run 1 failed after" in done.stderr
    with Store(home) as store:
        run = store.run("1")
    assert (run.project, run.name, run.tags) == ("mine", "first", ("a", "b"))
    assert run.argv == ("/bin/sh", "-c", "echo out; echo err >&2; exit 7")
    assert start("run", "/bin/true").returncode == 0
    assert start("run", "/none/such").returncode == 127
    with Store(home) as store:
        assert store.run("2").project == folder.name


def test_output_is_passed_on_as_it_is_and_a_pipe_that_closes_stops_nothing(folder, home):
    done = start("run", "--", "/bin/sh", "-c", r"printf 'a\377\r\nb'", text=False)
    assert done.stdout == b"a\xff\r\nb"
    loud = "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done; echo end"
    command = f"{HOMERUN} run -- /bin/sh -c '{loud}' | head -1"
    subprocess.run(["bash", "-c", command], capture_output=True, check=True)
    until(lambda: states(home)[1][0] == "finished")
    assert call("logs", "2", "-n", "1").stdout == "end\n"


def test_ctrl_c_stops_a_command_with_130(folder, home):
    program = "trap 'exit 5' TERM; echo ready; while :; do sleep 0.05; done"
    with running("run", "--", "/bin/sh", "-c", program, text=True) as command:
        assert command.stdout.readline() == "ready\n"
        command.send_signal(signal.SIGINT)
        _, errors = command.communicate(timeout=30)
    ((state, reason, _),) = states(home)
    assert (state, "Ctrl-C" in reason) == ("killed", True)
    assert command.returncode in {5, 130}
    assert "Traceback" not in errors


def test_ctrl_c_twice_ends_an_agent_with_130(folder, home):
    (folder / "program.sh").write_text("exec sleep 60\n")
    with running("run", "--slots", "2", "sweep.yaml", text=True) as agent:
        until(lambda: home.exists() and [s for s, _, _ in states(home)].count("running") == 2)
        agent.send_signal(signal.SIGINT)
        until(lambda: "Ctrl-C again" in agent.stderr.readline())
        agent.send_signal(signal.SIGINT)
        output, errors = agent.communicate(timeout=30)
    assert agent.returncode == 130
    assert output == "1 pending, 2 killed\n"
    assert "to go on: homerun agent" in errors


def test_running_runs_are_killed_and_a_sweep_is_canceled(folder, home):
    (folder / "program.sh").write_text("exec sleep 60\n")
    with running("run", "--slots", "2", "sweep.yaml", text=True) as agent:
        until(lambda: home.exists() and [s for s, _, _ in states(home)].count("running") == 2)
        assert "1 run killed" in start("kill", "1").stderr
        assert states(home)[0][:2] == ("killed", "killed by the user")
        assert start("sweep", "--cancel", "toys").returncode == 0
        output, _ = agent.communicate(timeout=30)
    assert agent.returncode == 1
    assert output == "3 killed\n"


def test_a_sweep_of_tracked_programs_shows_its_metric(folder, home):
    (folder / "train.py").write_text(
        "import homerun, sys\n"
        "with homerun.init() as run:\n"
        "    run.log({'loss': float(run.config['lr'])})\n"
    )
    (folder / "sweep.yaml").write_text(
        "program: train.py\nmethod: grid\nname: tracked\nmetric: {name: loss, goal: maximize}\n"
        "parameters: {lr: {values: [0.1, 0.5, 0.2]}}\n"
    )
    done = start("run", "--slots", "2", "sweep.yaml", env=environment())
    assert (done.returncode, done.stdout) == (0, "3 finished; best loss 0.5 by run 2\n")
    assert "loss 0.1" in done.stderr
    runs = json.loads(call("ls", "tracked", "--json").stdout)
    assert [run["summary"]["loss"] for run in runs] == [0.5, 0.2, 0.1]


def test_a_program_may_name_its_project_where_nobody_else_has(home, tmp_path):
    """As with W&B; of a sweep, or with --project, what the person said holds."""
    program = tmp_path / "t.py"
    program.write_text("import wandb\nwandb.init(project='mine').log({'a': 1})\n")
    env = environment(HOMERUN_HOME=str(home))
    command = ["--", sys.executable, str(program)]
    assert start("run", *command, cwd=tmp_path, env=env).returncode == 0
    assert start("run", "--project", "theirs", *command, cwd=tmp_path, env=env).returncode == 0
    assert start("add", *command, cwd=tmp_path, env=env).returncode == 0
    assert start("add", "--project", "theirs", *command, cwd=tmp_path, env=env).returncode == 0
    elsewhere = {**env, "HOMERUN_PROJECT": "another"}
    assert start("agent", cwd=tmp_path, env=elsewhere).returncode == 0
    with Store(home) as store:
        assert [run.project for run in store.runs()] == ["mine", "theirs", "mine", "theirs"]
