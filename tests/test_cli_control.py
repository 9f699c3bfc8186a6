"""Pausing, killing, trying again, moving and removing runs from the command line."""

import json
import os
import pty
import signal
import subprocess
import sys

import pytest

from homerun.cli.choose import choose, numbers_of
from homerun.core import End, NotFoundError, RunState, SweepState, UsageError
from homerun.store import (
    Store,
    add_agent,
    add_to_queue,
    identity,
    is_at_rest,
    living_program,
    write_json,
)
from tests.cli_call import attempt, call, running, until
from tests.cli_home import add_sweep, fill, train

WAITS = "import os, sys, time\nprint('on', flush=True)\n"
WAITS += "while not os.path.exists('end'): time.sleep(0.02)\nsys.exit(7)"


@pytest.fixture
def store(filled):
    with Store(filled) as store:
        yield store


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory):
    """Give such a home to tests that change nothing."""
    with Store(tmp_path_factory.mktemp("home")) as store:
        fill(store)
        yield store


def chosen(store, *words, **options):
    return [noun.number for noun in choose(store, words, **options)]


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        (["3"], [3]),
        (["8", "3", "8"], [8, 3]),
        (["3-5", "1"], [3, 4, 5, 1]),
        (["solo"], [9]),
        (["solo1"], [9]),
        (["x3k9a2bc"], [1]),  # the number of the sweep
        (["tag=first"], [9]),
        (["tag!=first,sweep=x3k9,state=finished"], [1, 2]),
        (["state=pending"], [6, 7, 8]),
        (["state!=pending,state!=finished"], [3, 4, 5]),
        (["state=failed", "state=killed"], [3, 4]),
        (["sweep=x3k9a2bc,state=finished"], [1, 2]),
        (["project=paddy"], [9]),
        (["model_name=convnet,learning_rate=0.002"], [2, 6]),
        (["learning_rate == 2e-3, model_name=linear"], [1, 5]),
        (["lr<0.01"], [9]),
        (["number>=8"], [8, 9]),
        (["error_rate<=0.0442"], [1]),
        (["config.dataset=mnist,state=running"], [5]),
        (["name=solo"], [9]),
        (["epochs=5.0,state=failed"], [3]),
    ],
)
def test_words_choose_runs(looked_at, words, numbers):
    assert chosen(looked_at, *words) == numbers


@pytest.mark.parametrize(
    ("word", "error", "text"),
    [
        ("state=failedd", UsageError, "use one of pending, running"),
        ("state=crashed", NotFoundError, "no run fits 'state=crashed'"),
        ("70-80", NotFoundError, "no run fits '70-80'"),
        ("modle=convnet", NotFoundError, "no run here has a 'modle'"),
        ("project=nothing", NotFoundError, "no project is called 'nothing'"),
        ("sweep=nothing", NotFoundError, "no sweep answers"),
        ("nobody", NotFoundError, "no run or sweep answers to 'nobody'"),
        ("learning_rate<small", UsageError, "'small' is no number"),
        ("state<failed", UsageError, "only be compared with = and !="),
        ("state=failed,5", UsageError, "'5' in 'state=failed,5' is no filter"),
    ],
)
def test_words_that_choose_nothing_say_so(looked_at, word, error, text):
    with pytest.raises(error, match=text):
        choose(looked_at, [word])


def test_filters_are_narrowed_to_what_suits_and_names_are_not(looked_at):
    store = looked_at
    suits = {"suits": lambda run: run.is_waiting, "can": "be moved"}
    assert chosen(store, "1-9", **suits) == [6, 7, 8]
    assert chosen(store, "1", **suits) == [1]
    with pytest.raises(NotFoundError, match="no run that fits 'state=killed' can be moved: killed"):
        choose(store, ["state=killed"], **suits)


def test_numbers_are_short(looked_at):
    store = looked_at
    assert numbers_of(store.runs()) == "1-9"
    assert numbers_of([store.run(ref) for ref in ("9", "1", "2", "4", "5", "6")]) == "1 2 4-6 9"


def test_pause_and_resume_of_the_queue(store):
    done = attempt("pause", "state=pending,model_name=convnet", "--json")
    assert done.returncode == 0
    assert "2 runs: 6 8\n" in done.stderr
    assert "held in the queue: 6 8\nto go on: homerun resume 6 8\n" in done.stderr
    runs = json.loads(done.stdout)["runs"]
    assert [(run["number"], run["state"]) for run in runs] == [(6, "paused"), (8, "paused")]
    assert [run.number for run in store.runs(states=[RunState.PENDING])] == [7]
    assert [run["number"] for run in _ls("--state", "paused")] == [6, 8]
    assert "resumed: 6 8" in attempt("resume", "state=paused").stderr
    assert [run.number for run in store.runs(states=[RunState.PENDING])] == [6, 7, 8]


def _ls(*options):
    return json.loads(call("ls", "x3k9a2bc", "--all", "--json", *options).stdout)


def test_pause_of_a_sweep_leaves_its_runs_alone(store):
    done = attempt("pause", "x3k9a2bc")
    assert "sweep x3k9a2bc is paused; 1 run still running" in done.stderr
    sweep = store.sweep("x3k9a2bc")
    assert (sweep.state, sweep.reason) == (SweepState.PAUSED, "paused by the user")
    assert store.run("5").state == RunState.RUNNING
    assert attempt("resume", "x3k9a2bc").returncode == 0
    assert store.sweep("x3k9a2bc").state == SweepState.RUNNING
    done = attempt("resume", "x3k9a2bc")
    assert (done.returncode, "is running, so it cannot be resumed" in done.stderr) == (2, True)


def test_what_has_ended_cannot_be_paused_or_resumed(store):
    done = attempt("pause", "6", "1")
    assert done.returncode == 2
    assert "run 1 is finished, so it cannot be paused" in done.stderr
    assert store.run("6").state == RunState.PENDING
    done = attempt("resume", "6")
    assert (done.returncode, "run 6 is pending, so it cannot be" in done.stderr) == (2, True)
    assert attempt("pause", "state=failed").returncode == 1


def test_held_runs_are_killed_and_removed(store):
    call("pause", "6-8")
    assert "1 run killed" in call("kill", "6").stderr
    assert store.run("6").state == RunState.KILLED
    assert "removed 2 runs" in call("rm", "6", "7", "-y").stderr
    assert [run.number for run in store.runs()] == [1, 2, 3, 4, 5, 8, 9]


def test_kill_by_filter_says_whom(store):
    done = call("kill", "state=pending", "--json")
    assert "3 runs: 6-8\n" in done.stderr
    assert "3 runs killed" in done.stderr
    assert {run["state"] for run in json.loads(done.stdout)["runs"]} == {"killed"}


def test_kill_and_retry_by_filter_ask_a_person(store):
    for command, question in (("kill", b"Kill them?"), ("retry", b"Run them again?")):
        ours, theirs = pty.openpty()
        words = {"kill": "state=pending", "retry": "state!=finished,number<6"}[command]
        store.end({store.run("5").id: End(state=RunState.FAILED, ended_at=1.0)})
        with running(command, words, stdin=theirs) as process:
            os.write(ours, b"n\n")
            _, said = process.communicate(timeout=60)
        os.close(ours)
        os.close(theirs)
        assert question in said
        assert process.returncode == 130
    assert [run.number for run in _pending(store)] == [6, 7, 8]


def test_rm_by_filter_asks_and_leaves_running_ones(store):
    done = attempt("rm", "sweep=x3k9a2bc")
    assert (done.returncode, "add -y" in done.stderr) == (2, True)
    done = call("rm", "sweep=x3k9a2bc", "-y", "--json")
    assert "removed 7 runs" in done.stderr
    assert len(json.loads(done.stdout)["runs"]) == 7
    assert [run.number for run in store.runs()] == [5, 9]


def test_rm_leaves_a_run_that_another_one_waits_for(store):
    first = add_to_queue(store, ["/bin/true"], project="p", cwd="/")
    add_to_queue(store, ["/bin/true"], project="p", cwd="/", after=[first])
    done = attempt("rm", "10", "-y")
    assert (done.returncode, "run 11 waits for run 10" in done.stderr) == (2, True)
    assert "removed 2 runs" in call("rm", "10-11", "-y").stderr


def test_retry_queues_failures_once(store):
    done = attempt("retry", "x3k9a2bc", "--failed", "--json")
    assert done.returncode == 0
    assert "queued again: 1 run, 10\nnext: homerun agent x3k9a2bc\n" in done.stderr
    (document,) = json.loads(done.stdout)["runs"]
    assert (document["number"], document["state"], document["retry_of"]) == (10, "pending", 3)
    assert store.run("10").config == store.run("3").config
    done = attempt("retry", "--failed")
    assert done.returncode == 1
    assert "nothing in this home failed that was not tried again already" in done.stderr
    done = attempt("retry", "3")  # its last attempt counts
    assert (done.returncode, "run 10 is pending" in done.stderr) == (2, True)
    store.end({store.run("10").id: End(state=RunState.FAILED, reason="again", ended_at=1.0)})
    assert "queued again: 1 run, 11" in call("retry", "3").stderr
    assert store.run("11").attempt == 3
    add_agent(store, str(identity()), serves="x3k9a2bc", slots=1)
    store.end({store.run("11").id: End(state=RunState.FAILED, reason="again", ended_at=1.0)})
    assert "\nnext: homerun watch x3k9a2bc\n" in call("retry", "3").stderr


def test_retry_by_filter_and_of_what_finished(store):
    assert "queued again: 1 run, 10" in call("retry", "state=killed").stderr
    done = attempt("retry", "1")
    assert (done.returncode, "run 1 finished; to run it again: add --force" in done.stderr) == (
        2,
        True,
    )
    assert "queued again: 2 runs, 11 12" in call("retry", "1-2", "--force").stderr
    for word in ("1-2", "state=killed"):
        done = attempt("retry", word)
        assert (done.returncode, "can be tried again, or all of them were" in done.stderr) == (
            1,
            True,
        )


def test_retry_says_what_it_cannot_do(store):
    (store.folder("solo1234").path / "result.json").unlink()
    for refs, text in [
        (["5"], "run 5 is running, so it cannot be tried again"),
        (["6"], "run 6 is pending, so it cannot be tried again"),
        (["9", "--force"], "run 9 was not started by homerun"),
        (["x3k9a2bc"], "homerun retry x3k9a2bc --failed"),
        ([], "homerun retry --failed"),
    ]:
        done = attempt("retry", *refs)
        assert (done.returncode, text in done.stderr) == (2, True), done.stderr


def test_retry_refuses_a_command_without_its_secret(store):
    run = add_to_queue(store, ["curl", "key=<redacted:0123abcd>"], project="p", cwd="/")
    store.end({run.id: End(state=RunState.FAILED, reason="exit code 1", ended_at=1.0)})
    done = attempt("retry", run.id)
    assert (done.returncode, "held a secret that was not kept" in done.stderr) == (2, True)
    done = attempt("retry", "--failed")
    assert "left out: 10; run 10: its command line held a secret" in done.stderr
    assert "queued again: 1 run, 11\n" in done.stderr


def test_retry_of_a_canceled_sweep_says_what_to_do_first(store):
    store.set_sweep("x3k9a2bc", SweepState.CANCELED)
    done = attempt("retry", "3")
    assert (done.returncode, "first: homerun resume x3k9a2bc" in done.stderr) == (2, True)


def test_move_changes_the_order(store):
    def order():
        return [
            run.number for run in sorted(_pending(store), key=lambda r: (-r.priority, r.number))
        ]

    call("move", "8", "--first")
    assert order() == [8, 6, 7]
    call("move", "8", "--before", "7")
    assert order() == [6, 8, 7]
    call("move", "6", "--last")
    assert order() == [8, 7, 6]
    document = json.loads(call("move", "6-7", "--priority", "9", "--json").stdout)
    assert [run["priority"] for run in document["runs"]] == [9, 9]
    assert order() == [6, 7, 8]
    call("move", "x3k9a2bc", "--priority", "2")
    assert {run.priority for run in _pending(store)} == {2}
    assert store.row("SELECT priority FROM sweep") == (2,)


def _pending(store):
    return store.runs(states=[RunState.PENDING])


def test_move_says_what_it_cannot_do(store):
    for arguments, text in [
        (["6"], "give one of --first, --last, --before RUN and --priority N"),
        (["6", "--first", "--last"], "give one of"),
        (["5", "--first"], "run 5 is running; only runs that wait can be moved"),
        (["6", "--before", "5"], "run 5 is running; only runs that wait can be moved"),
        (["6", "--before", "6"], "name one run that is not moved itself"),
        (["x3k9a2bc", "--before", "6"], "a sweep is moved with --first, --last or --priority N"),
    ]:
        done = attempt("move", *arguments)
        assert (done.returncode, text in done.stderr) == (2, True), done.stderr


def test_pause_reaches_a_running_program_and_its_exit_code_stays(home, tmp_path):
    with running("run", "--", sys.executable, "-c", WAITS, cwd=tmp_path) as follower:
        assert follower.stdout.readline() == b"on\n"
        with Store(home) as store:
            (run,) = store.runs()
            program = until(lambda: living_program(store.folder(run.id)))
            done = call("pause", "1")
            assert "paused: 1; it keeps its slot, GPUs and memory\n" in done.stderr
            assert is_at_rest(program.pid)
            assert "paused" in call("ls").stdout
            assert "resumed: 1" in call("resume", "1").stderr
            follower.send_signal(signal.SIGTSTP)  # as Ctrl-Z does
            until(lambda: is_at_rest(program.pid) and is_at_rest(follower.pid))
            assert "paused" in call("ls").stdout
            follower.send_signal(signal.SIGCONT)  # as fg does
            until(lambda: not is_at_rest(program.pid))
            (tmp_path / "end").touch()
            assert follower.wait() == 7
            assert store.run("1").exit_code == 7


def test_running_runs_of_a_sweep_are_paused_with_it_on_request(home):
    with Store(home) as store, subprocess.Popen(["sleep", "60"]) as program:
        sweep = add_sweep(store)
        run = train(store, sweep, error=0.1)
        facts = {"program": str(identity(program.pid))}
        write_json(store.folder(run.id).path / "process.json", facts)
        assert "paused: 1; it keeps" in attempt("pause", sweep.id, "--running").stderr
        assert is_at_rest(program.pid)
        assert "still paused: 1; homerun resume" in attempt("resume", sweep.id).stderr
        assert "resumed: 1" in attempt("resume", sweep.id, "--running").stderr
        assert not is_at_rest(program.pid)
        program.kill()
