"""Runs and many processes: forked, spawned, started apart; threads and signal handlers."""

import copy
import pickle

import homerun
from homerun.store import Store, settle
from tests.track_program import call, only_run, points, start

SPAWNED = """
import homerun, multiprocessing as mp, sys

def work(run, n):
    for i in range(50):
        run.log({f"w{n}": i})
    assert homerun.run is run

if __name__ == "__main__":
    run = homerun.init(project="p", config={"a": 1})
    run.log({"main": 0})
    context = mp.get_context(METHOD)
    children = [context.Process(target=work, args=(run, n)) for n in range(2)]
    for child in children: child.start()
    for child in children: child.join()
    assert all(child.exitcode == 0 for child in children)
    run.log({"main": 1})
    run.finish()
"""


def check_children(home):
    run = only_run(home)
    assert (run.state, run.config) == ("finished", {"a": 1})
    assert [v for _, v in points(home, run.id, "main")] == [0, 1]
    for n in range(2):
        assert [v for _, v in points(home, run.id, f"w{n}")] == list(range(50))
    assert not list((home / "runs" / run.id).glob("journal*"))
    return run


def test_forked_children_log_to_the_run(home):
    call(SPAWNED.replace("METHOD", "'fork'"))
    check_children(home)


def test_spawned_children_log_to_the_run(home, tmp_path):
    (tmp_path / "program.py").write_text(SPAWNED.replace("METHOD", "'spawn'"))
    call(
        "import subprocess, sys; subprocess.run([sys.executable, 'program.py'], check=True)",
        cwd=tmp_path,
    )
    check_children(home)


def test_a_forked_child_ends_no_run(home):
    out, _ = call(
        """
        import homerun, os, sys
        run = homerun.init(project="p")
        run.log({"a": 0})
        pid = os.fork()
        if pid == 0:
            run.log({"child": 0})
            sys.exit(3)                     # runs the exit handlers of the child
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
        pid = os.fork()
        if pid == 0:
            run.finish(exit_code=1)
            os._exit(0)
        os.waitpid(pid, 0)
        run.log({"a": 1})
        print(run.step)
        """
    )
    assert out.strip() == "2"
    run = only_run(home)
    assert (run.state, run.exit_code) == ("finished", 0)
    assert [v for _, v in points(home, run.id, "a")] == [0, 1]
    assert [v for _, v in points(home, run.id, "child")] == [0]


def test_a_forked_child_does_not_keep_the_run_alive(home):
    """The proof of life goes with the process that began the run, whoever it forked."""
    with start(
        """
        import homerun, os, time
        run = homerun.init(project="p")
        run.log({"a": 1})
        if os.fork() == 0:
            print("forked", flush=True)
            os.read(0, 1)
            os._exit(0)
        time.sleep(60)
        """
    ) as process:
        assert process.stdout.readline() == "forked\n"
        assert only_run(home).state == "running"
        process.kill()
        process.wait()
        assert only_run(home).state == "crashed"


def test_a_forked_child_may_begin_a_run_of_its_own(home):
    call(
        """
        import homerun, os
        run = homerun.init(project="p", name="parent")
        run.log({"a": 1})
        pid = os.fork()
        if pid == 0:
            with homerun.init(project="p", name="child") as own:
                assert own is not run and homerun.run is own
                own.log({"b": 1})
            os._exit(0)
        os.waitpid(pid, 0)
        run.log({"a": 2})
        """
    )
    with Store(home) as store:
        settle(store)
        runs = {run.name: run for run in store.runs()}
    assert {name: run.state for name, run in runs.items()} == {
        "parent": "finished",
        "child": "finished",
    }
    assert runs["parent"].summary["a"] == 2
    assert runs["child"].summary["b"] == 1
    assert "b" not in runs["parent"].summary


def test_a_fork_while_another_thread_logs(home):
    call(
        """
        import homerun, os, threading
        run = homerun.init(project="p")
        is_over = threading.Event()
        def work():
            while not is_over.is_set():
                run.log({"thread": 1})
        thread = threading.Thread(target=work)
        thread.start()
        for i in range(20):
            pid = os.fork()
            if pid == 0:
                run.log({"child": i})
                os._exit(0)
            os.waitpid(pid, 0)
        is_over.set()
        thread.join()
        """
    )
    run = only_run(home)
    assert sorted(v for _, v in points(home, run.id, "child")) == list(range(20))


def test_ranks_started_apart_share_a_run(home):
    """As torchrun does: the same program four times, the run's id from outside."""
    code = """
        import homerun, os
        run = homerun.init(project="p", id="ddp", config={"lr": 1, "seed": 0})
        rank = os.environ["RANK"]
        print(run.step, flush=True)
        input()
        for i in range(100):
            run.log({f"loss{rank}": i})
        run.finish()
    """
    ranks = [start(code, RANK=str(n)) for n in range(4)]
    assert [rank.stdout.readline() for rank in ranks] == ["0\n"] * 4
    said = [rank.communicate("go\n")[1] for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0] * 4, said
    run = only_run(home)
    assert (run.state, run.config) == ("finished", {"lr": 1, "seed": 0})
    for n in range(4):
        assert points(home, "ddp", f"loss{n}") == [(i, i) for i in range(100)]


def test_a_child_that_outlives_the_run_loses_nothing(home):
    """Its journal appears when the run has ended, was folded and is closed."""
    with start(
        """
        import homerun, os, sys
        run = homerun.init(project="p")
        run.log({"a": 1})
        if os.fork() == 0:
            os.read(0, 1)
            run.log({"late": 1})
            print("logged", flush=True)
            os.read(0, 1)
            run.log({"late": 2})
            os._exit(0)
        run.finish()
        print("finished", flush=True)
        os._exit(0)
        """
    ) as process:
        assert process.stdout.readline() == "finished\n"
        run = only_run(home)
        assert run.state == "finished"
        for expected in ([1], [1, 2]):
            process.stdin.write("x")
            process.stdin.flush()
            said = process.stdout.readline()
            assert said in {"logged\n", ""}
            assert [v for _, v in points(home, run.id, "late")] == expected
    assert not list((home / "runs" / run.id).glob("journal*"))


def test_a_second_process_keeps_what_the_first_one_said(home):
    with homerun.init(project="p", id="abc", config={"lr": 1}, settings={"console": "off"}) as run:
        run.config.epochs = 5
        call(
            """
            import homerun
            with homerun.init(id="abc") as run:
                assert run.config.lr == 1 and run.config.epochs == 5
                assert run.project == "p"
                run.log({"b": 1})
            with homerun.init(id="abc", config={"more": 2}, tags=["eval"]) as run:
                run.log({"b": 2})
            """
        )
        run.log({"a": 1})
    recorded = only_run(home)
    assert recorded.config == {"lr": 1, "epochs": 5, "more": 2}
    assert recorded.metadata["program"].endswith("pytest/__main__.py") or recorded.argv
    assert recorded.tags == ("eval",)
    assert [v for _, v in points(home, "abc", "b")] == [1, 2]


def test_a_rank_that_fails_is_told_by_its_traceback(home):
    run = homerun.init(project="p", id="abc", settings={"console": "off"})
    code = "import homerun\nwith homerun.init(id='abc'):\n    raise ValueError('rank 1')"
    call(code, returncode=1)
    with Store(home) as store:
        settle(store)
        assert store.run("abc").state == "running"
        assert "rank 1" in store.row("SELECT detail FROM run")[0]
    run.finish()


def test_a_pickled_run_is_the_same_run_here(home):
    with homerun.init(project="p", config={"f": len}) as run:
        assert pickle.loads(pickle.dumps(run)) is run
        assert copy.deepcopy({"run": run})["run"] is run


def test_a_signal_handler_may_log_and_finish(home):
    call(
        """
        import homerun, os, signal, sys
        run = homerun.init(project="p")
        def stop(*_):
            signal.setitimer(signal.ITIMER_REAL, 0)
            run.log({"stopped": 1})
            run.finish(exit_code=143)
            sys.exit(143)
        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGALRM, lambda *_: run.log({"tick": 1}))
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        for i in range(20_000):
            run.log({"a": i})
        os.kill(os.getpid(), signal.SIGTERM)
        """,
        returncode=143,
    )
    run = only_run(home)
    assert (run.state, run.exit_code, run.summary["stopped"]) == ("failed", 143, 1)
    assert [v for _, v in points(home, run.id, "a")] == list(range(20_000))
    assert len(points(home, run.id, "tick")) > 1


def test_subprocesses_do_not_inherit_the_run(home):
    call(
        """
        import homerun, subprocess, sys
        run = homerun.init(project="p")
        run.log({"a": 1})
        files = subprocess.run(["ls", "-l", "/proc/self/fd"], capture_output=True, text=True,
                               close_fds=False, check=True).stdout
        assert run.id not in files, files
        child = "import homerun; homerun.init(project='p', name='other').finish()"
        subprocess.run([sys.executable, "-c", child], check=True)
        """
    )
    with Store(home) as store:
        settle(store)
        assert [run.state for run in store.runs()] == ["finished"] * 2
