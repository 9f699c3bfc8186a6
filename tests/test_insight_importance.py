"""How much each parameter matters: shares with a known truth, and tables that cannot tell."""

import json

import numpy as np
import pandas as pd
import pytest

from homerun.core import UsageError
from homerun.insight import importance
from tests.insight_tables import NAMES, RECORDED, points, response, table


def true_shares():
    """Return the share of the variance of each parameter by itself, over the whole space."""
    rng = np.random.default_rng(0)
    x = points("random", 100_000, rng)
    y = response(x)
    shares = []
    for column in x.T:
        bins = column if len(np.unique(column)) < 5 else np.floor(15 * (column + 1))
        _, at = np.unique(bins, return_inverse=True)
        means = np.bincount(at, y) / np.bincount(at)
        shares.append(means[at].var() / y.var())
    return np.array(shares)


def of(answer, column="importance"):
    return answer.table.set_index("parameter")[column]


@pytest.mark.parametrize(("design", "n"), [("random", 100), ("bayes", 150)])
def test_shares_are_the_true_ones(design, n):
    rng = np.random.default_rng(0)
    shares, inside, truth = [], [], true_shares()
    for _ in range(5):
        x = points(design, n, rng)
        answer = importance(table(x, response(x) + 0.1 * rng.normal(size=n)), metric="err")
        rows = answer.table.set_index("parameter").loc[NAMES]
        assert answer.verdict == "ranked"
        shares.append(rows["importance"])
        inside.append(rows["low"].le(truth) & rows["high"].ge(truth))
    assert np.abs(np.mean(shares, axis=0) - truth).max() < 0.05
    assert np.mean(inside) >= 0.7


def test_a_full_grid_is_analysed_exactly():
    rng = np.random.default_rng(0)
    x = np.stack(np.meshgrid(range(4), range(3), range(3), indexing="ij"), -1).reshape(-1, 3)
    df = pd.DataFrame(x, columns=["a", "b", "c"]).map("v{}".format)
    y = np.array([0, 1, 0, 1])[x[:, 0]] + 0.5 * x[:, 1] + 0.1 * rng.normal(size=36)
    answer = importance(df.assign(err=np.exp(y)), metric="err")
    cells = pd.DataFrame(x).assign(y=y)
    sums = [0.0, 0.0, 0.0]
    for j, repeats in enumerate((9, 12, 12)):
        sums[j] = repeats * ((cells.groupby(j)["y"].mean() - y.mean()) ** 2).sum()
    pairs = []
    for a, b in ((0, 1), (0, 2), (1, 2)):
        both = cells.groupby([a, b])["y"].mean()
        pairs.append(36 / len(both) * ((both - y.mean()) ** 2).sum() - sums[a] - sums[b])
    total = ((y - y.mean()) ** 2).sum()
    noise = (total - sum(sums) - sum(pairs)) / (35 - 3 - 2 - 2 - 6 - 6 - 4)
    expected = [(sums[j] - k * noise) / (total + noise) for j, k in enumerate((3, 2, 2))]
    partial = [
        (s - k * noise) / (s + (36 - k) * noise) for s, k in zip(sums, (3, 2, 2), strict=True)
    ]
    assert answer.facts["method"] == "grid"
    assert list(of(answer)[["a", "b", "c"]]) == pytest.approx(np.maximum(expected, 0), abs=1e-4)
    assert list(answer.facts["partial_omega2"].values()) == pytest.approx(np.maximum(partial, 0))
    assert list(of(answer, "matters")[["a", "b", "c"]]) == ["yes", "yes", "no"]
    assert "By itself c is within the noise" in answer.sentence


def test_a_forest_takes_over_where_no_polynomial_fits():
    rng = np.random.default_rng(0)
    df = pd.DataFrame(rng.uniform(size=(1500, 4)), columns=["a", "b", "c", "d"])
    wave = np.floor(8 * df["a"]) % 2  # up and down eight times
    df["err"] = np.exp(wave + 0.6 * (df["b"] > 0.5) + 0.1 * rng.normal(size=1500))
    answer = importance(df, metric="err")
    assert answer.facts["method"] == "forest"
    assert of(answer)["a"] == pytest.approx(0.25 / 0.34, abs=0.15)  # trees round off what is sharp
    assert of(answer)["b"] == pytest.approx(0.09 / 0.34, abs=0.15)
    assert of(answer)[["c", "d"]].max() < 0.02
    assert answer.sentence.startswith("a (")


def test_noise_is_not_ranked():
    # 12 sweeps in which nothing matters, of four designs.
    rng = np.random.default_rng(0)
    ranked = []
    for k in range(12):
        x = points(("random", "partial", "grid", "seeds")[k % 4], 50, rng)
        answer = importance(table(x, 0.3 * rng.normal(size=len(x))), metric="err")
        ranked.append(answer.verdict == "ranked")
    assert sum(ranked) <= 1
    assert "cannot tell what matters" in answer.sentence
    assert answer.table["importance"].isna().all()


def test_near_the_top_another_parameter_may_matter_most():
    rng = np.random.default_rng(0)
    df = pd.DataFrame({"lr": rng.uniform(size=400), "wd": rng.uniform(size=400)})
    # Half of the learning rates are terrible, the others all alike; decay makes the difference.
    y = 2.0 * (df["lr"] > 0.5) + 0.3 * df["wd"] + 0.02 * rng.normal(size=400)
    answer = importance(df.assign(err=np.exp(y)), metric="err")
    assert of(answer)["lr"] > 0.8
    assert of(answer, "near_top")["wd"] > 0.8
    assert of(answer, "top_matters")["wd"] == "yes"
    assert "Among the better half wd matters most" in answer.sentence


def test_data_sets_do_not_count_as_what_matters():
    rng = np.random.default_rng(0)
    df = pd.DataFrame({"lr": rng.uniform(size=120), "dataset": rng.choice(["pets", "planet"], 120)})
    df["err"] = np.exp(3.0 * (df["dataset"] == "pets") + df["lr"] + 0.1 * rng.normal(size=120))
    answer = importance(df, metric="err")
    assert list(answer.table["parameter"]) == ["lr"]
    assert answer.facts["explained"] > 0.8


def test_too_few_configurations():
    df = pd.DataFrame({"lr": [0.1, 0.2, 0.3], "err": [0.5, 0.4, 0.3]})
    answer = importance(df, metric="err")
    assert answer.verdict == "cannot tell"
    assert "at least 8 are needed" in answer.sentence


def test_best_is_a_share():
    df = pd.DataFrame({"lr": [0.1, 0.2], "err": [0.5, 0.4]})
    with pytest.raises(UsageError, match=r"best is 0\.7; use a share between 0 and 0\.5"):
        importance(df, metric="err", best=0.7)


def test_the_answer_is_plain_data_and_the_same_each_time():
    rng = np.random.default_rng(0)
    x = points("random", 60, rng)
    df = table(x, response(x) + 0.1 * rng.normal(size=60))
    answer = importance(df, metric="err")
    shuffled = importance(df.sample(frac=1, random_state=1), metric="err")
    assert json.dumps(answer.to_dict(), allow_nan=False) == json.dumps(shuffled.to_dict())
    assert max(map(len, str(answer).splitlines())) <= 80


if RECORDED.is_dir():

    def test_recorded_grid_and_a_tenth_of_it_agree():
        df = pd.read_csv(RECORDED / "hpolib_grids" / "logreg_on_grid.csv.gz")
        options = {"metric": "valid_error", "params": ["lrate", "l2_reg", "batchsize"]}
        df = df[df["n_epochs"] == df["n_epochs"].max()]
        whole, part = (
            importance(runs, **options) for runs in (df, df.sample(frac=0.1, random_state=0))
        )
        assert whole.facts["method"] == "grid"
        assert set(whole.table["parameter"][:2]) == set(part.table["parameter"][:2])
        assert np.abs(of(whole) - of(part)).max() < 0.15

    def test_recorded_grid_with_seeds():
        df = pd.read_csv(RECORDED / "convnext_lr_wd_seed" / "runs.csv")
        answer = importance(
            df, metric="val_accuracy", goal="maximize", params=["learning_rate", "weight_decay"]
        )
        assert list(answer.table["parameter"]) == ["learning_rate", "weight_decay"]
        assert list(answer.table["matters"]) == ["yes", "yes"]
