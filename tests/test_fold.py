"""Journals and folding: nothing acknowledged is lost, nothing is taken twice."""

import json
import math
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homerun.store import Store, close_journals, fold, history_frame, told_end
from homerun.store import journal as jr

pack = jr.packer().pack

NUMBERS = st.one_of(
    st.floats(), st.integers(-(2**100), 2**100), st.booleans(), st.none(), st.just(-0.0)
)
VALUES = st.one_of(NUMBERS, st.text(), st.lists(NUMBERS, max_size=3))
ROWS = st.lists(
    st.dictionaries(st.sampled_from(["a", "b", "c.d", "é"]), VALUES, min_size=1), max_size=80
)


def start(home: Path, run_id: str = "abc"):
    store = Store(home)
    store.add_run(run_id, project="p")
    return store, jr.open_writer(store.folder(run_id).make().path)


def log(writer, step, data, at=None):
    writer.append(pack([jr.ROW, step, time.time() if at is None else at, data]))


def points(store, run_id="abc"):
    frame = history_frame(store, [run_id])
    return sorted(
        (key, step, repr(value))
        for key, step, value in zip(frame["key"], frame["step"], frame["value"], strict=True)
    )


def logged(rows):
    return sorted(
        (key, step, repr(value)) for step, row in enumerate(rows) for key, value in row.items()
    )


def as_floats(pairs):
    """Forget whether a whole number was an int: a column of numbers is a column of floats."""
    return [(k, s, repr(float(v)) if v.lstrip("-").isdigit() else v) for k, s, v in pairs]


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, cuts=st.lists(st.integers(0, 79), max_size=3))
def test_every_value_comes_back_as_it_went_in_however_often_folded(rows, cuts):
    with TemporaryDirectory() as folder:
        store, writer = start(Path(folder))
        for step, row in enumerate(rows):
            log(writer, step, row)
            if step in cuts:
                fold(store, "abc")
        fold(store, "abc")
        fold(store, "abc")
        assert sorted(as_floats(points(store))) == sorted(as_floats(logged(rows)))
        writer.close()
        store.close()


@settings(max_examples=40, deadline=None)
@given(cut=st.integers(0, 3000), rows=st.integers(1, 60))
def test_a_journal_cut_at_any_byte_loses_only_what_lies_behind_the_cut(cut, rows):
    with TemporaryDirectory() as folder:
        store, writer = start(Path(folder))
        ends = []
        for step in range(rows):
            log(writer, step, {"loss": step / 7, "name": "é" * (step % 5)})
            ends.append(writer.end)
        writer.close()
        data = writer.path.read_bytes()
        writer.path.write_bytes(data[:cut])
        whole = sum(end <= cut for end in ends)
        fold(store, "abc")
        assert len(points(store)) == 2 * whole
        # A resumed run writes behind what is good, never behind half a record.
        again = jr.open_writer(writer.path.parent)
        log(again, 1000, {"loss": 1.0})
        again.close()
        fold(store, "abc")
        assert len(points(store)) == 2 * whole + 1
        store.close()


def test_a_damaged_record_is_dropped_and_counted(tmp_path):
    store, writer = start(tmp_path)
    ends = []
    for step in range(3):
        log(writer, step, {"loss": step})
        ends.append(writer.end)
    data = bytearray(writer.path.read_bytes())
    data[ends[1] - 1] ^= 0xFF
    writer.path.write_bytes(data)
    fold(store, "abc")
    assert [step for _, step, _ in points(store)] == [0, 2]
    assert store.rows("SELECT dropped FROM journal") == [(1,)]


def test_a_torn_end_is_counted_when_the_run_is_closed(tmp_path):
    store, writer = start(tmp_path)
    log(writer, 0, {"loss": 1})
    writer.close()
    with writer.path.open("ab") as file:
        file.write(b"\x50\x00\x00\x00half")
    close_journals(store, "abc")
    assert store.rows("SELECT dropped FROM journal") == [(1,)]
    assert not writer.path.exists()
    assert len(points(store)) == 1


def test_a_journal_that_another_process_removes_meanwhile_is_empty(tmp_path, monkeypatch):
    store, writer = start(tmp_path)
    writer.close()
    close_journals(store, "abc")
    monkeypatch.setattr(jr, "journal_paths", lambda _: [writer.path])
    assert fold(store, "abc", limit_bytes=1) == 0
    assert told_end(store.folder("abc")) is None


def test_a_run_resumed_after_its_journal_was_removed_goes_on(tmp_path):
    store, writer = start(tmp_path)
    log(writer, 0, {"loss": 3.0})
    writer.close()
    close_journals(store, "abc")
    again = jr.open_writer(writer.path.parent)
    log(again, 1, {"loss": 1.0})
    fold(store, "abc")
    assert [step for _, step, _ in points(store)] == [0, 1]
    assert store.rows("SELECT count, min, max, mean, first, last FROM metric") == [
        (2, 1.0, 3.0, 2.0, 3.0, 1.0)
    ]


def test_each_process_of_a_run_has_a_journal_of_its_own(tmp_path):
    store, first = start(tmp_path)
    second = jr.open_writer(first.path.parent)
    assert (first.path.name, second.path.name) == ("journal", "journal-2")
    log(first, 0, {"loss": 1})
    log(second, 0, {"loss": 2})
    fold(store, "abc")
    assert [value for _, _, value in points(store)] == ["1.0", "2.0"]


def test_a_full_disk_leaves_the_journal_whole():
    with Path("/dev/full").open("r+b", buffering=0) as full, TemporaryDirectory() as folder:
        writer = jr.JournalWriter(Path(folder) / "journal")
        good, writer.fd = writer.fd, full.fileno()
        with pytest.raises(OSError, match="No space left"):
            writer.append(b"x")
        writer.fd = good
        writer.append(pack([jr.ROW, 0, 0.0, {"a": 1}]))
        assert len(jr.read(writer.path).records) == 1
        writer.close()


def test_statistics_tell_first_last_best_and_mean_whatever_was_logged(tmp_path):
    store, writer = start(tmp_path)
    values = [None, 3, math.nan, -1.5, "text", True, 2**70, None]
    for step, value in enumerate(values):
        log(writer, step * 10, {"x": value})
        fold(store, "abc")
    row = store.row(
        "SELECT count, numbers, first, first_step, last_step, min, min_step FROM metric"
    )
    assert row == (8, 3, 3, 10, 60, -1.5, 30)
    assert json.loads(store.row("SELECT max FROM metric")[0]) == 2**70


def test_short_folds_do_not_leave_short_blocks(tmp_path):
    store, writer = start(tmp_path)
    for step in range(100):
        log(writer, step, {"loss": step, "acc": step})
        fold(store, "abc")
    assert [row[0] for row in store.rows("SELECT count FROM block ORDER BY id")] == [32, 32, 32, 4]
    assert store.rows("SELECT count(*) FROM chunk") == [(8,)]


def test_any_sqlite_client_reads_the_history(tmp_path):
    store, writer = start(tmp_path)
    steps = [0, 1, 2, 5, 7, 7, 9]
    for index, step in enumerate(steps):
        log(writer, step, {"loss": index / 4}, at=1000.0 + index * 0.25)
    log(writer, 10, {"note": math.nan}, at=1002.0)
    fold(store, "abc")
    with sqlite3.connect(f"file:{store.path}?mode=ro", uri=True) as client:
        rows = client.execute(
            "SELECT step, value, time FROM history WHERE run = 'abc' AND key = 'loss'"
        ).fetchall()
        odd = client.execute("SELECT value FROM history WHERE key = 'note'").fetchall()
    client.close()
    assert rows == [(step, i / 4, 1000.0 + i * 0.25) for i, step in enumerate(steps)]
    assert odd == [("NaN",)]


def test_nested_values_are_dotted_and_media_stay_whole(tmp_path):
    store, writer = start(tmp_path)
    image = {"_type": "image-file", "path": "media/images/x.png"}
    log(writer, 0, {"val": {"loss": 1.0, "top": {"1": 0.5}}, "image": image, "empty": {}})
    fold(store, "abc")
    values = {key: value for key, _, value in points(store)}
    assert values["val.loss"] == "1.0"
    assert values["val.top.1"] == "0.5"
    assert values["image"] == repr(image)
    assert values["empty"] == "{}"


def test_of_a_logged_value_and_one_set_by_hand_the_later_is_the_summary(tmp_path):
    store, writer = start(tmp_path)
    log(writer, 0, {"a": 1, "b": 1, "c": 1})
    writer.append(pack([jr.SUMMARY, {"a": "hand", "b": "hand"}, ["c"]]))
    log(writer, 1, {"b": 2})
    fold(store, "abc")
    summary = store.run("abc").summary
    assert (summary["a"], summary["b"], "c" in summary) == ("hand", 2, False)


def test_a_defined_summary_is_the_best_over_all_folds(tmp_path):
    store, writer = start(tmp_path)
    define = {"name": "val*", "summary": ["min", "best"], "goal": "maximize"}
    writer.append(pack([jr.DEFINE, define]))
    for step, value in enumerate([2.0, 1.0, 3.0]):
        log(writer, step, {"val/acc": value})
        fold(store, "abc")
    assert store.run("abc").summary["val/acc"] == {"min": 1.0, "best": 3.0}


def test_json_columns_are_json_for_everyone(tmp_path):
    store, writer = start(tmp_path)
    log(writer, 0, {"a": math.nan, "b": -math.inf})
    fold(store, "abc")
    assert store.row("SELECT json_extract(summary, '$.a') FROM run") == ("NaN",)
    summary = store.run("abc").summary
    assert math.isnan(summary["a"])
    assert summary["b"] == -math.inf


def test_a_run_the_database_does_not_know_is_restored_from_its_journal(tmp_path):
    with Store(tmp_path) as store:
        folder = store.folder("lost").make()
        writer = jr.open_writer(folder.path)
        begin = {"id": "lost", "project": "p", "config": {"lr": 1}, "started_at": 5.0}
        writer.append(pack([jr.BEGIN, {**begin, "labels": {"name": "old", "tags": ["t"]}}]))
        log(writer, 0, {"loss": 0.5}, at=6.0)
        writer.append(pack([jr.END, 7.0, {"state": "finished", "exit_code": 0}]))
        fold(store, "lost")
        run = store.run("lost")
    assert (run.name, run.tags, run.config, run.state) == ("old", ("t",), {"lr": 1}, "finished")
    assert run.runtime_s == 2.0


def test_a_kind_of_record_from_the_future_loses_no_points(tmp_path):
    store, writer = start(tmp_path)
    writer.append(pack([99, "news"]))
    log(writer, 0, {"loss": 1})
    fold(store, "abc")
    assert len(points(store)) == 1


def test_a_limit_leaves_a_long_journal_for_later(tmp_path):
    store, writer = start(tmp_path)
    log(writer, 0, {"text": "x" * 1000})
    assert fold(store, "abc", limit_bytes=500) == 0
    assert fold(store, "abc", limit_bytes=5000) == 1


def test_a_record_larger_than_a_piece_is_read(tmp_path):
    _, writer = start(tmp_path)
    for step in range(3):
        log(writer, step, {"text": "x" * 5000})
    offset, found = 0, 0
    while (reading := jr.read(writer.path, offset, limit_bytes=100)).records:
        offset, found = reading.end, found + len(reading.records)
    assert found == 3


def test_the_journal_of_a_living_writer_is_not_removed(tmp_path):
    store, writer = start(tmp_path)
    log(writer, 0, {"loss": 1})
    close_journals(store, "abc")
    log(writer, 1, {"loss": 2})
    writer.close()
    assert store.row("SELECT open FROM run") == (1,)
    close_journals(store, "abc")
    assert store.row("SELECT open FROM run") == (0,)
    assert len(points(store)) == 2


def test_readers_that_close_at_once_count_nothing_twice(tmp_path):
    store, writer = start(tmp_path)
    for step in range(2000):
        log(writer, step, {"loss": step})
    writer.close()
    program = (
        "import sys; from pathlib import Path; from homerun.store import Store, close_journals\n"
        "close_journals(Store(Path(sys.argv[1])), 'abc')"
    )
    readers = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path)]) for _ in range(4)]
    assert [reader.wait() for reader in readers] == [0] * 4
    close_journals(store, "abc")
    assert len(points(store)) == 2000
    assert store.row("SELECT open FROM run") == (0,)
