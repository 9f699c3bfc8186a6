"""Which parameters can be tuned one after the other: the answer, on made and recorded tables."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homerun.core import UsageError
from homerun.insight import independence
from tests.insight_tables import RECORDED


def runs(n=600, *, noise=0.02, meeting=0.0, seed=0):
    """Return runs in which each parameter costs by itself, and lr depends on the model."""
    rng = np.random.default_rng(seed)
    df = pd.DataFrame(
        {
            "lr": rng.choice([1e-4, 1e-3, 1e-2], n),
            "model": rng.choice(["vit", "convnext"], n),
            "crop": rng.choice(["squish", "crop"], n),
        }
    )
    is_vit = df["model"] == "vit"
    best = -3 + meeting * np.where(is_vit, -1.0, 1.0)
    error = (
        -2 + 0.1 * (np.log10(df["lr"]) - best) ** 2 + 0.2 * is_vit + 0.05 * (df["crop"] == "crop")
    )
    return df.assign(error_rate=np.exp(error + noise * rng.normal(size=n)))


def pair(answer, a, b):
    rows = answer.table.set_index(["a", "b"])
    return rows.loc[(a, b)]


def test_parameters_are_independent_when_the_bound_is_below_the_margin():
    answer = independence(runs(), metric="error_rate")
    assert answer.verdict == "independent"
    assert answer.sentence == (
        "All 3 pairs can be tuned one after the other: any interaction is below 2 %."
    )
    assert (answer.table["upper_bound"] < 0.02).all()
    assert (answer.table["best_moves"] == "no").all()
    assert answer.facts["together"] == [["lr"], ["model"], ["crop"]]


def test_one_pair_reads_as_a_person_says_it():
    answer = independence(runs(1500), metric="error_rate", params=["lr", "model"])
    assert answer.sentence == (
        "lr and model can be tuned one after the other: any interaction is below 2 %."
    )


def test_an_interaction_is_named_with_its_size_and_whether_the_best_moves():
    answer = independence(runs(meeting=0.6), metric="error_rate")
    assert answer.verdict == "interacts"
    row = pair(answer, "lr", "model")
    # The effect of lr between its ends, with vit and with convnext: 2 * 4 * .6 * .1 = .48 apart.
    assert row["effect"] == pytest.approx(np.expm1(0.48), rel=0.05)
    assert row["upper_bound"] > row["effect"]
    assert row["p"] < 1e-6
    assert row["best_moves"] == "yes"
    assert "tune them together" in answer.sentence
    assert answer.facts["together"] == [["lr", "model"], ["crop"]]


def test_an_interaction_that_leaves_the_best_in_place_is_told_apart():
    df = runs()
    df["error_rate"] *= np.where((df["crop"] == "crop") & (df["model"] == "vit"), 1.1, 1.0)
    answer = independence(df, metric="error_rate")
    row = pair(answer, "model", "crop")
    assert (row["interacts"], row["best_moves"]) == ("yes", "no")
    assert "the best values stay" in answer.sentence


def test_few_runs_cannot_tell_and_say_how_large_it_may_be():
    answer = independence(runs(40, noise=0.1), metric="error_rate")
    assert answer.verdict == "cannot tell"
    assert "none was found to interact, but an interaction of up to" in answer.sentence


def test_pairs_that_never_met_are_open():
    df = runs(300)
    df = df[~((df["model"] == "vit") & (df["crop"] == "crop"))]
    answer = independence(df, metric="error_rate", params=["model", "crop"])
    assert answer.verdict == "cannot tell"
    assert "too few of the values of model and crop met" in answer.sentence
    assert answer.to_dict()["table"][0]["upper_bound"] is None


def test_a_smaller_margin_asks_for_more():
    assert independence(runs(), metric="error_rate", margin=0.005).verdict == "cannot tell"
    with pytest.raises(UsageError, match="margin is 2; use a share"):
        independence(runs(), metric="error_rate", margin=2)


def test_one_parameter_has_no_pair():
    answer = independence(runs(), metric="error_rate", params=["lr"])
    assert answer.sentence == "lr alone varies: there is no pair to look at."
    assert answer.verdict == "independent"


def test_an_accuracy_speaks_of_odds():
    df = runs()
    df["accuracy"] = 1 - df["error_rate"]
    answer = independence(
        df.drop(columns="error_rate"), metric="accuracy", goal="maximize", margin=0.05
    )
    assert answer.verdict == "independent"
    assert answer.sentence.endswith("any interaction is below 5 % of the odds.")


@settings(max_examples=6)
@given(st.floats(1e-3, 1e3), st.randoms(use_true_random=False))
def test_units_and_order_change_nothing(factor, random):
    df = runs(90, noise=0.05, meeting=0.2)
    order = list(range(len(df)))
    random.shuffle(order)
    other = df.iloc[order].assign(error_rate=lambda d: d["error_rate"] * factor)
    one, two = (independence(table, metric="error_rate") for table in (df, other))
    assert one.sentence == two.sentence
    pd.testing.assert_frame_equal(one.table, two.table, rtol=1e-6)


def test_the_answer_is_plain_data_and_changes_nothing():
    df = runs(60)
    before = df.copy()
    answer = independence(df, metric="error_rate")
    json.dumps(answer.to_dict(), allow_nan=False)
    assert max(map(len, str(answer).splitlines())) <= 80
    pd.testing.assert_frame_equal(df, before)


if RECORDED.is_dir():

    def test_recorded_grid_of_topic_models():
        df = pd.read_csv(RECORDED / "hpolib_grids" / "lda_on_grid.csv")
        answer = independence(df, metric="perplexity", params=["kappa", "tau", "s"])
        assert answer.verdict == "interacts"
        assert pair(answer, "kappa", "s")["best_moves"] == "yes"
        assert pair(answer, "tau", "s")["best_moves"] == "yes"

    def test_recorded_grid_with_seeds():
        df = pd.read_csv(RECORDED / "convnext_lr_wd_seed" / "runs.csv")
        answer = independence(
            df,
            metric="val_accuracy",
            goal="maximize",
            params=["learning_rate", "weight_decay"],
            margin=0.2,
        )
        assert answer.verdict == "independent"  # within 20 % of the odds of error
