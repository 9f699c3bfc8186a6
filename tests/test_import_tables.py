"""Importing tables: W&B's export and any other CSV, and what their cells stand for."""

import csv
import gzip
import io
import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homerun.compat.importing import Columns, Importer, Outcome, find_sources
from homerun.compat.importing.scalars import column, scalar
from homerun.core import UsageError
from homerun.store import Store
from tests.cli_call import attempt, call

EXPORT = """\
"Name","State","Notes","User","Tags","Created","Runtime","Sweep","dataset","learning_rate","fp16","model_name","GPU_mem","error_rate"
"smart-sweep-2","finished","-","ann","good, big","2022-06-15T10:20:30.000Z","61","abc","pets","1e-3","true","resnet18","2.5","0.05"
"kind-sweep-1","crashed","it died","ann","","2022-06-15T09:20:30.000Z","12","abc","pets","2e-3","false","vit","",""
"""  # noqa: E501  as W&B writes it


def take(home: Path, path: Path, columns: Columns | None = None) -> list[Outcome]:
    with Store(home) as store:
        importer = Importer(store)
        sources = find_sources([path], columns=columns or Columns())
        return [importer.take(source).outcome for source in sources]


def test_an_export_of_wandb_comes_as_it_was(home, tmp_path):
    path = tmp_path / "talk.csv"
    path.write_text(EXPORT)
    assert take(home, path) == [Outcome.ADDED] * 2
    copy = tmp_path / "talk (1).csv"
    copy.write_text(EXPORT)
    assert take(home, copy) == [Outcome.UNCHANGED] * 2
    with Store(home) as store:
        good, bad = store.runs()
        assert (good.name, good.state, good.notes, good.tags) == (
            "smart-sweep-2",
            "finished",
            "",
            ("good", "big"),
        )
        assert good.config == {
            "dataset": "pets",
            "learning_rate": 1e-3,
            "fp16": True,
            "model_name": "resnet18",
        }
        assert good.summary == {"GPU_mem": 2.5, "error_rate": 0.05}
        assert (good.created_at, good.runtime_s) == (1655288430.0, 61.0)
        assert good.metadata["wandb"] == {"sweep": "abc", "user": "ann"}
        assert (bad.state, bad.notes, bad.summary, bad.project) == (
            "crashed",
            "it died",
            {},
            "talk",
        )


def test_columns_of_an_export_can_be_named(home, tmp_path):
    path = tmp_path / "talk.csv"
    path.write_text(EXPORT)
    take(home, path, Columns(metrics=("error_rate",)))
    with Store(home) as store:
        assert store.runs()[0].summary == {"error_rate": 0.05}
        assert "GPU_mem" in store.runs()[0].config


def test_any_table_comes_by_its_columns(home, tmp_path):
    path = tmp_path / "results.csv.gz"
    path.write_bytes(
        gzip.compress(b"arch,lr,top1,ID\nvit,1e-5,0.9,1\nvit,1e-5,0.8,2\nvit,1e-5,0.8,2\n")
    )
    columns = Columns(config=("arch", "lr"), metrics=("top1",))
    assert take(home, path, columns) == [Outcome.ADDED] * 3
    assert take(home, path, columns) == [Outcome.UNCHANGED] * 3
    changed = b"arch,lr,top1,ID\nvit,1e-5,0.95,1\nvit,1e-5,0.8,2\nvit,1e-5,0.8,2\nvit,2e-5,,4\n"
    path.write_bytes(gzip.compress(changed))
    unchanged = Outcome.UNCHANGED
    assert take(home, path, columns) == [Outcome.UPDATED, unchanged, unchanged, Outcome.ADDED]
    with Store(home) as store:
        assert [run.summary for run in store.runs()] == [{"top1": v} for v in (0.95, 0.8, 0.8)] + [
            {}
        ]
        assert store.runs()[3].config == {"arch": "vit", "lr": 2e-5}
        assert store.runs()[0].project == "results"


def test_what_a_table_lacks_is_said(tmp_path, home):
    path = tmp_path / "results.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(UsageError, match="--config A,B --metric C"):
        take(home, path)
    with pytest.raises(UsageError, match="no column 'c'; it has a, b"):
        take(home, path, Columns(config=("a",), metrics=("c",)))
    path.write_text("a,a\n1,2\n")
    with pytest.raises(UsageError, match="more than one column 'a'"):
        take(home, path, Columns(config=("a",)))
    path.write_text("")
    assert attempt("import", path).returncode == 2
    broken = tmp_path / "results.csv.gz"
    broken.write_bytes(gzip.compress(b"a,b\n1,2\n")[:-9])
    with pytest.raises(UsageError, match="is no table"):
        take(home, broken)


def test_the_command_takes_columns(home, tmp_path):
    path = tmp_path / "results.csv"
    path.write_text("arch,top1\nvit,0.9\nresnet,0.8\n")
    done = call(
        "import", str(path), "--config", "arch", "--metric", "top1", "--name", "arch", "--json"
    )
    assert [run["outcome"] for run in json.loads(done.stdout)["runs"]] == ["added", "added"]
    with Store(home) as store:
        assert [run.name for run in store.runs()] == ["vit", "resnet"]


@given(st.lists(st.floats() | st.none(), min_size=1))
def test_numbers_come_back_as_they_were_written(values):
    texts = ["" if value is None else repr(value) for value in values]
    found = column(texts)
    for value, back in zip(values, found, strict=True):
        both_nan = value is not None and math.isnan(value) and math.isnan(back)
        assert both_nan or value == back
        assert type(value) is type(back)


@given(st.integers())
def test_integers_stay_integers(value):
    assert scalar(str(value)) == value
    assert type(scalar(str(value))) is int


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["1", "2.5"], [1.0, 2.5]),
        (["true", "False", ""], [True, False, None]),
        (["1", "two"], ["1", "two"]),
        (["007", "08"], [7.0, 8.0]),
        (["1e-5"], [1e-5]),
        (["-", "1"], ["-", "1"]),
        (["null", "~"], [None, None]),
    ],
)
def test_a_column_has_one_type(texts, values):
    found = column(texts)
    assert found == values
    assert list(map(type, found)) == list(map(type, values))


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")))))
def test_no_cell_breaks_the_reader(tmp_path_factory, rows):
    text = io.StringIO()
    csv.writer(text).writerows([["a", "b"], *rows])
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    path.write_text(text.getvalue(), newline="")
    for source in find_sources([path], columns=Columns(config=("a",), metrics=("b",))):
        assert source.read().begin["config"].keys() <= {"a"}
