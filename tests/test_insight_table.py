"""A table of runs is read right: what is a parameter, a repeat, a result, and what compares."""

import json

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from homerun import UsageError
from homerun.insight import Answer, prepare
from homerun.insight.scale import scale_of
from tests.insight_sweeps import grid
from tests.insight_tables import RECORDED


def runs(**columns):
    """Return the table of a 2 x 3 grid with some columns added."""
    df = grid({"aug": ["flip", "none"], "lr": [0.001, 0.01, 0.1]})
    return df.assign(error=[0.1, 0.2, 0.3, 0.11, 0.21, 0.31], **columns)


def names(table):
    return [parameter.name for parameter in table.parameters]


def test_parameters_are_found_among_results_and_names():
    df = runs(
        id=list("abcdef"),
        epoch=5,
        model="vit",
        val_loss=np.linspace(0.5, 0.6, 6),
        gpu_mem=np.linspace(3.1, 3.2, 6),
        created_at=pd.Timestamp("2026-01-01", tz="UTC"),
    )
    table = prepare(df, metric="error")
    assert names(table) == ["aug", "lr"]
    assert table.constants["model"] == "vit"
    assert [p.kind for p in table.parameters] == ["category", "number"]
    assert table.parameters[1].is_log


def test_a_table_of_homerun_says_itself_what_was_configured():
    df = runs(extra=[1, 2, 1, 2, 1, 2])
    df.attrs["config"] = ["aug", "lr"]
    assert names(prepare(df, metric="error")) == ["aug", "lr"]
    assert names(prepare(df, metric="error", params=["lr"])) == ["lr"]
    assert names(prepare(df, metric="error", also=["extra"])) == ["aug", "lr", "extra"]


def test_repeats_are_averaged_and_tell_the_noise():
    one, two = runs(), runs()
    two["error"] *= 1.1
    table = prepare(pd.concat([one.assign(seed=1), two.assign(seed=2)]), metric="error")
    assert table.repeats == ("seed",)
    assert len(table.y) == 6
    assert set(table.count) == {2}
    sigma, freedom = table.noise
    assert sigma == pytest.approx(np.log(1.1) / np.sqrt(2))
    assert freedom == 6


def test_what_did_not_finish_is_counted_and_left_out():
    df = runs(
        state=["finished", "finished", "crashed", "killed", "finished", "finished"],
        censored=[0, 0, 0, 1, 0, 0],
    )
    df.loc[0, "error"] = np.nan
    table = prepare(df, metric="error")
    assert (table.without_metric, table.unfinished, table.stopped_early) == (1, 1, 1)
    assert len(table.run_y) == 3
    assert len(table.lost) == 3
    assert any("stopped early" in note for note in table.notes)


def test_an_exact_repeat_of_a_row_counts_once():
    df = pd.concat([runs(), runs().head(2)])
    table = prepare(df, metric="error")
    assert table.duplicates == 2
    assert set(table.count) == {1}
    coarse = pd.DataFrame({"lr": [1, 2] * 20, "error": [0.1, 0.2] * 20})
    assert prepare(coarse, metric="error").duplicates == 0


def test_one_seed_for_all_repeats_is_no_noise():
    df = pd.concat([runs(runtime_s=1.0), runs(runtime_s=2.0)])
    table = prepare(df, metric="error")
    assert table.noise == (None, 0)
    assert any("very same result" in note for note in table.notes)


def test_data_sets_code_and_epochs_are_not_pooled():
    df = pd.concat(
        [
            runs(dataset="pets", epochs=5),
            runs(dataset="planet", epochs=5),
            runs(dataset="pets", epochs=9),
        ]
    )
    df["git.commit"] = ["abc"] * 9 + ["def"] * 9
    table = prepare(df, metric="error")
    assert [block.name for block in table.blocks] == ["dataset", "git.commit"]
    assert names(table) == ["aug", "lr", "epochs"]
    said = " ".join(table.notes)
    assert "dataset (pets, planet)" in said
    assert "epochs (5, 9)" in said
    assert "git.commit" in said


def test_runs_of_different_lengths_are_said():
    table = prepare(runs(epoch=[5, 5, 5, 5, 5, 2]), metric="error")
    assert any("different epochs (2 to 5)" in note for note in table.notes)


def test_columns_that_go_together_count_once():
    table = prepare(runs(size=[1, 1, 1, 2, 2, 2]), metric="error")
    assert names(table) == ["aug", "lr"]
    assert any("size goes along with aug" in note for note in table.notes)


def test_true_is_not_1_and_lists_are_values():
    df = pd.DataFrame(
        {"a": [True, 1, False, 0], "b": [[1], [1, 2], [1], [1, 2]], "error": [1.0, 2.0, 3.0, 4.0]}
    )
    df["a"] = pd.Series([True, 1, False, 0], dtype=object)
    by_name = {parameter.name: parameter for parameter in prepare(df, metric="error").parameters}
    assert len(by_name["a"].levels) == 4
    assert by_name["b"].levels == ("[1, 2]", "[1]")
    with pytest.raises(UsageError, match="has no value"):
        by_name["b"].index("[7]")


@pytest.mark.parametrize(
    ("metric", "goal", "said"),
    [("eror", "minimize", "'eror'.*error"), ("error", "low", "minimize or maximize")],
)
def test_a_wrong_question_is_said(metric, goal, said):
    with pytest.raises(UsageError, match=said):
        prepare(runs(), metric=metric, goal=goal)


def test_no_result_yet():
    with pytest.raises(UsageError, match="no finished run of 6"):
        prepare(runs().assign(error=np.nan), metric="error")


@pytest.mark.parametrize(
    ("values", "name", "goal", "kind"),
    [
        ([0.1, 0.2], "error", "minimize", "log"),
        ([0.0, 0.1, 0.2, 0.1, 0.3, 0.2], "error", "minimize", "log"),
        ([0.9, 1.0], "accuracy", "maximize", "logit"),
        ([91.0, 99.0], "top1", "maximize", "logit"),
        ([100.0, 300.0], "reward", "maximize", "log"),
        ([-1.0, 3.0], "reward", "maximize", "plain"),
    ],
)
def test_scale(values, name, goal, kind):
    array = np.array(values)
    scale = scale_of(array, name=name, goal=goal)
    assert scale.kind == kind
    response = scale.forward(array)
    assert np.isfinite(response).all()
    better = int(array.argmin() if goal == "minimize" else array.argmax())
    assert response.argmin() == better
    assert [scale.backward(one) for one in response] == pytest.approx(values, abs=1e-9)


@given(st.lists(st.floats(1e-9, 1e9), min_size=2, max_size=9, unique=True))
def test_coordinates_ascend_within_bounds(values):
    df = pd.DataFrame({"x": values, "error": np.arange(1.0, len(values) + 1)})
    (parameter,) = prepare(df, metric="error", params=["x"]).parameters
    places = parameter.coordinates
    assert places[0] == pytest.approx(-1)
    assert places[-1] == pytest.approx(1)
    assert (np.diff(places) >= 0).all()


def test_the_table_that_came_in_is_not_changed():
    df = runs(state="finished")
    before = df.copy(deep=True)
    prepare(df, metric="error")
    pd.testing.assert_frame_equal(df, before)


def test_an_answer_is_text_html_and_plain_data():
    table = pd.DataFrame(
        {"name": ["<b>x</b>" * 20] * 50, "share": np.linspace(0, 1, 50), "gap": [None, np.nan] * 25}
    )
    answer = Answer(
        sentence="a < b " * 30,
        table=table,
        verdict="a",
        notes=("n " * 80,),
        facts={"x": np.float64(2)},
    )
    assert max(map(len, str(answer).splitlines())) <= 80
    assert "10 more rows" in str(answer)
    assert "<b>x" not in answer._repr_html_()
    assert "&lt;b&gt;x" in answer._repr_html_()
    data = json.loads(json.dumps(answer.to_dict(), allow_nan=False))
    assert data["facts"] == {"x": 2.0}
    assert data["table"][1]["gap"] is None


def test_ten_thousand_runs_of_twenty_parameters_take_a_moment():
    rng = np.random.default_rng(0)
    drawn = {f"p{i}": rng.choice([1, 2, 3, 4], 10_000) for i in range(10)}
    drawn |= {f"q{i}": rng.uniform(size=10_000) for i in range(10)}
    table = prepare(pd.DataFrame(drawn).assign(error=rng.uniform(size=10_000)), metric="error")
    assert table.codes.shape == (10_000, 20)


if RECORDED.is_dir():

    def test_recorded_rows_that_repeat_or_crashed_are_noticed():
        df = pd.read_csv(RECORDED / "fastai_timm_sweep" / "fastai_timm.csv")
        table = prepare(df, metric="error_rate")
        assert table.without_metric == 37
        assert table.duplicates == 30
        assert names(table) == ["model_name"]
        assert [block.name for block in table.blocks] == ["dataset"]

    def test_recorded_grid_of_many_constant_columns():
        df = pd.read_csv(RECORDED / "convnext_lr_wd_seed" / "runs.csv")
        table = prepare(df, metric="val_accuracy", goal="maximize")
        assert names(table) == ["learning_rate", "weight_decay"]
        assert table.repeats == ("seed",)
        assert set(table.constants) >= {"model", "optimizer", "batch_size", "epochs"}
