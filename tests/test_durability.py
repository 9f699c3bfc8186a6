"""What log() has acknowledged is there afterwards, whatever is killed, and exactly once."""

import os
import signal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homerun.store import Store, close_journals, fold, settle
from homerun.store import journal as jr
from tests.track_program import only_run, points, start

ROWS = 5_000


def test_kill_9_right_after_the_last_call_loses_nothing(home):
    code = f"""
        import homerun, os
        run = homerun.init(project="p")
        for i in range({ROWS}):
            run.log({{"a": i, "b": i / 7}})
        os.kill(os.getpid(), 9)
    """
    with start(code) as program:
        program.communicate()
        assert program.returncode == -signal.SIGKILL
    run = only_run(home)
    assert run.state == "crashed"
    assert "killed" in run.reason
    assert points(home, run.id, "a") == [(i, i) for i in range(ROWS)]
    assert [value for _, value in points(home, run.id, "b")] == [i / 7 for i in range(ROWS)]
    assert run.summary["a"] == ROWS - 1


def test_kill_9_at_any_moment_loses_nothing_that_was_acknowledged(home):
    """The program says after each call, on a pipe, that it has returned."""
    code = """
        import homerun, os
        run = homerun.init(project="p", settings={"console": "off"})
        for i in range(10**9):
            run.log({"a": i, "text": "x" * (i % 500)})
            os.write(1, b".")
    """
    with start(code) as program:
        os.read(program.stdout.fileno(), 3_000)
        program.kill()
        told = len(program.stdout.read())
    kept = [value for _, value in points(home, only_run(home).id, "a")]
    assert kept == list(range(len(kept)))
    assert len(kept) >= told


@pytest.mark.parametrize("shared", [True, False], ids=["one run", "four runs"])
def test_four_processes_lose_nothing(home, shared):
    code = f"""
        import homerun, os
        with homerun.init(project="p", id=os.environ["ID"], settings={{"silent": True}}) as run:
            print(flush=True)
            input()  # all are there
            for i in range({ROWS}):
                run.log({{os.environ["KEY"]: i}})
    """
    ids = ["r0"] * 4 if shared else ["r0", "r1", "r2", "r3"]
    programs = [start(code, ID=run_id, KEY=f"k{n}") for n, run_id in enumerate(ids)]
    assert [program.stdout.readline() for program in programs] == ["\n"] * 4
    said = [program.communicate("\n")[1] for program in programs]
    assert [program.returncode for program in programs] == [0] * 4, said
    for n, run_id in enumerate(ids):
        assert points(home, run_id, f"k{n}") == [(i, i) for i in range(ROWS)]
    with Store(home) as store:
        settle(store)
        assert {run.state for run in store.runs()} == {"finished"}
        assert store.row("SELECT sum(open) FROM run") == (0,)


KEYS = st.sampled_from(["a", "b", "c"])
VALUES = st.one_of(st.floats(allow_nan=False), st.integers(-(2**70), 2**70), st.text(max_size=5))


@settings(max_examples=40)
@given(
    rows=st.lists(st.dictionaries(KEYS, VALUES, min_size=1), min_size=1, max_size=30),
    cut=st.floats(0, 1),
    piece=st.integers(1, 30),
)
def test_a_journal_cut_at_any_byte_loses_only_what_lies_behind(rows, cut, piece):
    """Whatever part of it was folded before the cut, and however often it is folded after."""
    with TemporaryDirectory() as folder, Store(Path(folder) / "home") as store:
        store.add_run("abc", project="p")
        writer = jr.open_writer(store.folder("abc").make().path)
        pack = jr.packer().pack
        ends = []
        for step, row in enumerate(rows):
            writer.append(pack((jr.ROW, step, 100.0 + step, row)))
            ends.append(writer.end)
            if step == piece:
                fold(store, "abc")
        writer.close()
        start_of_cut = ends[piece] if piece < len(ends) else 0
        size = max(start_of_cut, int(cut * ends[-1]))
        os.truncate(writer.path, size)
        whole = sum(end <= size for end in ends)
        for again in (fold, fold, close_journals, fold):
            again(store, "abc")
            expected = [
                (key, step, value)
                for step, row in enumerate(rows[:whole])
                for key, value in row.items()
            ]
            found = store.rows("SELECT key, step, value FROM history")
            assert sorted(map(repr, map(tuple, found))) == sorted(
                repr((key, step, as_sqlite(value))) for key, step, value in expected
            )


def as_sqlite(value):
    """Return a value as SQL sees it: integers beyond 64 bits are text."""
    return str(value) if isinstance(value, int) and not -(2**63) <= value < 2**63 else value
