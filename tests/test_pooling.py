"""What is pooled over data sets covers the truth; what is contradicted is withdrawn."""

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest

from homerun import UsageError
from homerun.insight import by_hand, contradiction, differences, learned, pool, scope_of

ERROR = 0.02  # of what a data set says


def measured(number, costs, *, dataset=None, error=ERROR, verdict="fix", value=None, **more):
    """Return a finding as plain data: `costs` are responses by value."""
    order = sorted(costs, key=costs.get)
    levels = [
        {
            "value": key,
            "costs": (d := costs[key] - costs[order[0]]),
            "error": error if d else 0.0,
            "low": d - 1.96 * error if d else 0.0,
            "high": d + 1.96 * error if d else 0.0,
        }
        for key in order
    ]
    name = f"d{number}" if dataset is None else dataset
    unit = {"dataset": name, "metric": "error", "scale": "log", "spread": 1.0, "runs": 20}
    return {
        "number": number,
        "sweep": f"s{number}",
        "parameter": "resize",
        "project": "p",
        "verdict": verdict,
        "value": order[0] if value is None else value,
        "scope": {"dataset": name} if name else {},
        "evidence": {
            "scale": "log",
            "margin": 0.02,
            "levels": levels,
            "units": [{**unit, "levels": levels}],
        },
        **more,
    }


def many(rng, *, sets, effect, deviation):
    """Return the findings of data sets on which squish costs this much, give or take."""
    return [
        measured(
            number,
            {"crop": 0.0, "squish": rng.normal(effect, math.hypot(deviation, ERROR))},
        )
        for number in range(sets)
    ]


@pytest.mark.parametrize(("sets", "deviation"), [(3, 0.03), (6, 0.0), (6, 0.03), (12, 0.1)])
def test_the_interval_covers_the_mean_of_all_data_sets(sets, deviation):
    rng = np.random.default_rng([sets, round(100 * deviation)])
    hits = wrong = 0
    n = 150
    for _ in range(n):
        answer = pool(many(rng, sets=sets, effect=0.05, deviation=deviation), "resize")
        facts = answer.facts
        truth = math.expm1(0.05 if facts["default"] == "crop" else -0.05)
        hits += facts["low"] <= truth <= facts["high"]
        wrong += answer.verdict == "squish"
        assert facts["data_sets"] == sets
    assert hits / n >= 0.95 - 2.5 * math.sqrt(0.05 * 0.95 / n)
    assert wrong / n <= 0.05


def test_what_differs_at_random_between_data_sets_is_no_default():
    rng = np.random.default_rng(0)
    n = 200
    claims = [
        pool(many(rng, sets=6, effect=0.0, deviation=0.1), "resize").verdict for _ in range(n)
    ]
    claimed = sum(verdict in {"crop", "squish"} for verdict in claims) / n
    assert claimed <= 0.05 + 2.5 * math.sqrt(0.05 * 0.95 / n)


def test_enough_data_sets_tell():
    rng = np.random.default_rng(1)
    found = [
        pool(many(rng, sets=8, effect=0.05, deviation=0.02), "resize").verdict for _ in range(100)
    ]
    assert found.count("crop") >= 90
    same = pool(
        [measured(i, {"crop": 0.0, "squish": 0.001}, error=0.004) for i in range(8)], "resize"
    )
    assert same.verdict == "no difference"


def test_heterogeneity_is_named():
    costs = [0.1, 0.12, 0.3, 0.28, 0.2, -0.2]
    found = [measured(i, {"crop": 0.0, "squish": cost}) for i, cost in enumerate(costs)]
    answer = pool(found, "resize")
    assert answer.facts["i_squared"] > 0.9
    assert answer.facts["opposite"] == ["d5"]
    assert any("varies between data sets" in note for note in answer.notes)
    assert any("The opposite is true on: d5" in note for note in answer.notes)
    alike = pool([measured(i, {"crop": 0.0, "squish": 0.1}) for i in range(4)], "resize")
    assert alike.facts["deviation"] == 0
    assert alike.facts["low"] < math.expm1(0.1) < alike.facts["high"]  # never surer than its parts


def test_the_data_set_is_the_unit():
    one = [measured(i, {"crop": 0.0, "squish": 0.1}, dataset="digits") for i in range(20)]
    answer = pool(one, "resize")
    assert answer.verdict == "cannot tell"
    assert answer.facts["data_sets"] == 1
    assert "digits alone says nothing of other data sets" in answer.sentence
    two = pool([*one, measured(99, {"crop": 0.0, "squish": 0.3}, dataset="mnist")], "resize")
    assert two.facts["costs"] == pytest.approx(math.expm1(0.2))
    unnamed = [measured(i, {"crop": 0.0, "squish": 0.1}, dataset="") for i in range(3)]
    assert pool(unnamed, "resize").facts["data_sets"] == 1


def test_what_does_not_count():
    found = [measured(i, {"crop": 0.0, "squish": 0.1}) for i in range(3)]
    withdrawn = measured(9, {"crop": 0.5, "squish": 0.0}, withdrawn_at=1.0)
    other = {**measured(8, {"crop": 0.5, "squish": 0.0}), "parameter": "lr"}
    words = {**measured(7, {"crop": 0.0}), "evidence": by_hand("crop")}
    plain = measured(6, {"crop": 0.5, "squish": 0.0})
    plain["evidence"]["units"][0]["scale"] = "plain"
    answer = pool([*found, withdrawn, other, words, plain], "resize")
    assert answer.facts["data_sets"] == 3
    assert answer.facts["costs"] == pytest.approx(math.expm1(0.1))
    assert any("not pooled: 1" in note for note in answer.notes)
    assert any("another scale, left out: 1" in note for note in answer.notes)
    # The findings of one sweep about one parameter are one piece of evidence.
    twice = pool([*found, *found], "resize")
    assert twice.to_dict() == pool(found, "resize").to_dict()


def test_values_that_few_data_sets_tried_are_left_out():
    found = [measured(i, {"crop": 0.0, "squish": 0.1 + i / 100}) for i in range(4)]
    found.append(measured(9, {"pad": -0.5, "crop": 0.0}))
    answer = pool(found, "resize")
    assert answer.verdict == "crop"
    assert any("left out: pad" in note for note in answer.notes)


def test_by_hand_counts_with_its_interval():
    hand = by_hand("crop", against="squish", effect=0.1, low=0.05, high=0.15, dataset="cars")
    found = [measured(i, {"crop": 0.0, "squish": 0.1}) for i in range(3)]
    answer = pool([*found, {**measured(5, {"crop": 0.0}), "evidence": hand}], "resize")
    assert answer.facts["names"] == ["d0", "d1", "d2", "cars"]


def runs_of(rng, datasets, *, cost=0.05, deviation=0.02, seeds=2):
    """Return runs of a grid on data sets of very different difficulty."""
    frames = []
    for k, name in enumerate(datasets):
        rows = list(product(["crop", "squish"], ["a", "b"], [0.001, 0.01, 0.1], range(seeds)))
        df = pd.DataFrame(rows, columns=["resize", "model", "lr", "seed"]).assign(dataset=name)
        mine = rng.normal(cost, deviation)
        y = mine * (df.resize == "squish") + 0.2 * (df.model == "b") + np.log10(df.lr) ** 2 / 20
        frames.append(df.assign(error=10.0**-k * np.exp(y + rng.normal(0, 0.02, len(df)))))
    return pd.concat(frames, ignore_index=True)


def test_runs_are_normalised_within_each_data_set():
    rng = np.random.default_rng(3)
    df = runs_of(rng, ["a", "b", "c", "d"])
    answer = pool(df, "resize", metric="error")
    assert answer.verdict == "crop"
    assert answer.facts["low"] < math.expm1(0.05) < answer.facts["high"]
    harder = df.assign(error=df.error * df.dataset.map({"a": 3.0, "b": 0.1, "c": 1.0, "d": 1.0}))
    other = pool(harder, "resize", metric="error")
    assert other.facts["costs"] == pytest.approx(answer.facts["costs"])
    # What a sweep over several data sets taught is pooled just like its runs.
    lessons = [{**one, "project": "p", "sweep": "s"} for one in learned(df, metric="error")]
    again = pool(lessons, "resize")
    assert again.facts["costs"] == pytest.approx(answer.facts["costs"])
    assert again.facts["names"] == ["a", "b", "c", "d"]
    assert max(map(len, str(answer).splitlines())) <= 80


def test_a_metric_that_may_be_negative_is_taken_in_spreads():
    rng = np.random.default_rng(4)
    df = runs_of(rng, ["a", "b", "c", "d"], cost=0.5, deviation=0.0)
    df["reward"] = -np.log(df.error)
    df["reward"] -= df.groupby("dataset").reward.transform("mean")
    answer = pool(df, "resize", metric="reward", goal="maximize")
    assert answer.verdict == "crop"
    assert "spreads" in answer.sentence


def test_bad_questions():
    df = runs_of(np.random.default_rng(0), ["a", "b"])
    with pytest.raises(UsageError, match="name of its metric"):
        pool(df, "resize")
    with pytest.raises(UsageError, match="no column 'task'"):
        pool(df, "resize", metric="error", across="task")
    with pytest.raises(UsageError, match="margin"):
        pool(df, "resize", metric="error", margin=2)
    assert pool([], "resize").verdict == "cannot tell"


# Contradiction


def lesson(df, number, **more):
    found = {one["parameter"]: one for one in learned(df, metric="error")}["resize"]
    about = {"number": number, "sweep": f"s{number}", "project": "p", "scope": {"dataset": "a"}}
    return {**found, **about, **more}


def test_new_evidence_withdraws_when_the_truth_is_another_and_hardly_ever_else():
    rng = np.random.default_rng(5)
    flipped = repeated = 0
    n = 20
    for number in range(n):
        old = lesson(runs_of(rng, ["a"], cost=0.05, deviation=0.0), number)
        new = lesson(runs_of(rng, ["a"], cost=-0.05, deviation=0.0), number + n)
        same = lesson(runs_of(rng, ["a"], cost=0.05, deviation=0.0), number + 2 * n)
        flipped += bool(contradiction(new, old))
        repeated += bool(contradiction(same, old))
    assert flipped >= 0.95 * n
    assert repeated == 0


OLD = measured(1, {"crop": 0.0, "squish": 0.1}, dataset="digits")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ({}, {"crop": 0.0, "squish": 0.1}, ""),
        ({}, {"squish": 0.0, "crop": 0.1}, "crop costs 11 % [6.3, 15] against squish"),
        ({}, {"squish": 0.0, "crop": 0.02}, ""),  # the interval holds the old sign
        ({}, {"pad": 0.0, "crop": 0.1}, "crop costs 11 % [6.3, 15] against pad"),
        ({}, {"pad": 0.0, "crop": 0.05}, ""),  # surely worse, but not surely by the margin
        ({}, {"pad": 0.0, "squish": 0.1}, ""),  # says nothing of crop
        ({"verdict": "drop", "value": "squish"}, {"crop": 0.0, "squish": 0.1}, ""),
        (
            {"verdict": "drop", "value": "squish"},
            {"squish": 0.0, "crop": 0.1},
            "squish is best: crop costs 11 % [6.3, 15]",
        ),
        ({"verdict": "open", "value": "crop"}, {"squish": 0.0, "crop": 0.1}, ""),
        (
            {"verdict": "extend", "value": "> 0.01"},
            {0.1: 0.0, 0.01: 0.1},
            "0.1 beyond it was tried",
        ),
        ({"verdict": "extend", "value": "> 0.01"}, {0.01: 0.0, 0.001: 0.1}, ""),
        ({"scope": {"dataset": "mnist"}}, {"squish": 0.0, "crop": 0.1}, ""),
        ({"scope": {"dataset": "digits", "model": "vit"}}, {"squish": 0.0, "crop": 0.1}, ""),
        ({"withdrawn_at": 1.0}, {"squish": 0.0, "crop": 0.1}, ""),
        ({"sweep": "s2"}, {"crop": 0.0, "squish": 0.1}, "sweep s2 was looked at again"),
    ],
)
def test_contradictions(old, new, said):
    assert contradiction(measured(2, new, dataset="digits"), {**OLD, **old}) == said


def test_a_dropped_value_that_costs_next_to_nothing_is_back():
    old = {**OLD, "verdict": "drop", "value": "squish"}
    new = measured(2, {"crop": 0.0, "squish": 0.002}, dataset="digits", error=0.004)
    assert contradiction(new, old) == "squish costs only 0.20 % [-0.58, 1.0]"


def test_findings_without_a_data_set_contradict_within_a_project():
    old = measured(1, {"crop": 0.0, "squish": 0.1}, dataset="")
    new = measured(2, {"squish": 0.0, "crop": 0.1}, dataset="")
    assert contradiction(new, old)
    assert not contradiction({**new, "project": "other"}, old)


# Scope


def test_scope_is_read_from_columns():
    columns = {
        "data_set": ["digits", "digits"],
        "model.name": ["vit", "resnet", "vit"],
        "lr": [0.1, 0.2],
        "family": [None, None],
    }
    assert scope_of(columns) == {"dataset": "digits", "model": ["vit", "resnet"]}
    assert scope_of(columns, of="model.name") == {"dataset": "digits"}


def test_what_lies_outside_of_a_scope():
    scope = {"dataset": "digits", "model": ["vit", "resnet"], "program": "a.py", "task": "ocr"}
    assert differences(scope, {"dataset": "digits", "model": "vit", "program": "b.py"}) == []
    assert differences(scope, {"dataset": ["digits", "mnist"], "model": "mlp"}) == [
        "dataset digits, here mnist",
        "model vit, resnet, here mlp",
    ]
