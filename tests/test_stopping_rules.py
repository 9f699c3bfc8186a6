"""The rules that stop runs early, as pure functions; hyperband as W&B's own engine decides."""

import json
import math
import random
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homerun.core import RunState
from homerun.search import course, planned_values, verdicts
from homerun.search.stopping import bands
from homerun.spec import Asha, Hyperband, Median
from tests.environments import sweeps_python

FINISHED, RUNNING = RunState.FINISHED, RunState.RUNNING
STATES = (*("finished running running crashed killed failed").split(), "preempted")


def judge(rule, runs, *, is_maximized=False):
    """Return what the rule says of runs: (state, values) or (state, values, planned)."""
    courses = [
        course(
            rule,
            values,
            run=str(index),
            state=RunState(state),
            planned=planned[0] if planned else None,
            is_maximized=is_maximized,
        )
        for index, (state, values, *planned) in enumerate(runs)
    ]
    return verdicts(rule, courses, is_maximized=is_maximized)


def falling(best, count=10):
    """Return a curve that comes down to its best value at its end."""
    return [best + 1 - (i + 1) / count for i in range(count)]


FOUR = [(FINISHED, falling(best)) for best in (0.1, 0.2, 0.3, 0.4)]


# Hyperband is W&B's


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"max_iter": 27, "s": 2}, (3, 9)),
        ({"max_iter": 27, "s": 9}, (1, 3, 9)),
        ({"max_iter": 27, "s": 2, "min_iter": 5}, (3, 9)),
        ({"max_iter": 10, "s": 3, "eta": 2.5}, (1, 4)),
        ({"max_iter": 2, "s": 1}, ()),
    ],
)
def test_bands_below_a_maximum(rule, expected):
    assert bands(Hyperband(**rule)) == expected


def test_bands_above_a_minimum():
    assert bands(Hyperband(min_iter=3))[:4] == (3, 9, 27, 81)
    assert bands(Hyperband(min_iter=3, eta=1.5))[:5] == (3, 4, 6, 10, 15)
    assert len(bands(Hyperband(min_iter=3))) == 100
    assert bands(Hyperband(min_iter=1, eta=1e200)) == (1, int(1e200))


def test_hyperband_says_why():
    rule = Hyperband(min_iter=3)
    runs = [("finished", [1, 1, value / 100]) for value in (30, 31, 32, 33, 34, 35)]
    runs.append(("running", [0.1, 0.1, 0.42, 0.2]))
    assert judge(rule, runs) == {
        "6": "hyperband: 0.42 at its 3rd value, not among the best 3 of 7 runs there "
        "(0.32 or better goes on)"
    }
    assert judge(Hyperband(min_iter=3, strict=False), runs) == {}
    runs[-1] = ("running", [1, 1, 0.5, 0.42, math.nan])
    assert judge(Hyperband(min_iter=3, strict=False), runs) == {
        "6": "hyperband: 0.42 is its best value, not among the best 3 of 7 runs at their 3rd "
        "(0.32 or better goes on)"
    }
    runs = [(state, [-v for v in values]) for state, values in runs]
    (why,) = judge(rule, runs, is_maximized=True).values()
    assert why.startswith("hyperband: -0.5 at its 3rd value")
    assert "(-0.32 or better" in why


ENGINE = """
import json, sys, warnings
warnings.simplefilter("ignore")
from sweeps import SweepRun, stop_runs
for line in sys.stdin:
    config, runs = json.loads(line)
    runs = [SweepRun(name=str(i), state=s, history=h) for i, (s, h) in enumerate(runs)]
    print(json.dumps(sorted(run.name for run in stop_runs(config, runs))))
"""


def random_case(rng):
    """Return a sweep, and runs of it with whatever a program may log."""
    rule = {"type": "hyperband"}
    if rng.random() < 0.5:
        rule["min_iter"] = rng.randint(1, 5)
    else:
        rule.update(max_iter=rng.randint(3, 30), s=rng.randint(1, 4))
    if rng.random() < 0.6:
        rule["eta"] = rng.choice([2, 3, 4, 1.5, 2.5, 1.1])
    if rule.get("max_iter", 9) < rule.get("eta", 3):
        rule["max_iter"] = 9  # W&B's engine cannot be without any band
    if rng.random() < 0.7:
        rule["strict"] = rng.random() < 0.5
    goal = rng.choice(["minimize", "maximize"])
    digits = rng.choice([0, 1, 6])  # ties are frequent, or not

    def row():
        odd = rng.random()
        if odd < 0.05:
            return {"loss": rng.choice([math.nan, math.inf, -math.inf, None, "0.5", True])}
        if odd < 0.1:
            return {"acc": 1.0}
        return {"loss": rng.choice([round(rng.gauss(0, 2), digits), rng.randint(-2, 2)])}

    runs = [
        (rng.choice(STATES), [row() for _ in range(rng.randint(0, 30))])
        for _ in range(rng.randint(0, 14))
    ]
    return {
        "method": "grid",
        "parameters": {"a": {"values": [1]}},
        "metric": {"name": "loss", "goal": goal},
        "early_terminate": rule,
    }, runs


def test_hyperband_decides_as_wandb_does():
    rng = random.Random(1)
    cases = [random_case(rng) for _ in range(800)]
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    done = subprocess.run(
        [sweeps_python(), "-c", ENGINE], input=lines, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    stopped = 0
    for (config, runs), answer in zip(cases, done.stdout.splitlines(), strict=True):
        rule = {key: value for key, value in config["early_terminate"].items() if key != "type"}
        ours = judge(
            Hyperband(**rule),
            [(state, [row["loss"] for row in rows if is_number(row)]) for state, rows in runs],
            is_maximized=config["metric"]["goal"] == "maximize",
        )
        assert sorted(ours) == json.loads(answer), (config, runs)
        stopped += len(ours)
    assert stopped > 300


def is_number(row):
    """Tell whether the database gives the loss of a row as a number."""
    return type(row.get("loss")) in (int, float)


# Median


def test_median_stops_what_is_worse_than_half_by_then():
    bad = (RUNNING, falling(0.8)[:6])
    assert judge(Median(), [*FOUR, bad]) == {
        "4": "median: its best is 1.2 after 6 of about 10 values, worse than 0.65: "
        "the median of 4 finished runs then"
    }
    assert judge(Median(), [*FOUR, (RUNNING, falling(0.24)[:6])]) == {}
    assert judge(Median(), [*FOUR[:3], bad]) == {}
    assert judge(Median(min_runs=3), [*FOUR[:3], bad]).keys() == {"3"}


@pytest.mark.parametrize("state", ["crashed", "failed", "killed", "preempted", "running"])
def test_only_finished_runs_count_as_finished(state):
    others = [*FOUR[:3], (state, falling(0.1, 9))]
    for rule in (Median(), Asha()):
        assert "4" not in judge(rule, [*others, (RUNNING, falling(0.9)[:6])])


def test_median_waits_for_its_fraction_and_its_patience():
    stopped = [
        [bool(judge(rule, [*FOUR, (RUNNING, falling(0.8)[:n])])) for n in range(1, 10)].index(True)
        + 1
        for rule in (
            Median(),
            Median(patience=0),
            Median(patience=3),
            Median(min_fraction=0.5),
            Median(min_iter=7, patience=0),
        )
    ]
    assert stopped == [3, 2, 5, 6, 7]
    worse_once = [*falling(0.1)[:4], *[falling(0.1)[3]] * 2]  # and will have caught up
    assert judge(Median(), [*[(FINISHED, falling(0.1))] * 4, (RUNNING, worse_once[:5])]) == {}
    assert judge(Median(), [*[(FINISHED, falling(0.1))] * 4, (RUNNING, worse_once)])


def test_runs_of_other_lengths_are_compared_at_equal_fractions():
    long = (RUNNING, falling(0.25, 40)[:8], 40)  # as good as the second of four, four times as slow
    planned = [(state, values, 10) for state, values in FOUR]
    for rule in (Median(budget="epochs"), Asha(budget="epochs", eta=2)):
        assert judge(rule, [*planned, long]) == {}
        # Were it compared value by value, it would be stopped.
        assert judge(rule, [*planned, (*long[:2], 10)]).keys() == {"4"}
    short = (RUNNING, falling(0.9, 5)[:3], 5)
    assert judge(Median(budget="epochs"), [*planned, short]).keys() == {"4"}


def test_a_run_at_the_end_of_its_budget_is_left_alone():
    for rule in (Median(), Asha()):
        assert judge(rule, [*FOUR, (RUNNING, falling(0.9)[:9])]).keys() == {"4"}
        assert judge(rule, [*FOUR, (RUNNING, falling(0.9))]) == {}


def test_nan_counts_as_the_worst():
    nan = math.nan
    for rule in (Median(), Asha()):
        (why,) = judge(rule, [*FOUR, (RUNNING, [nan] * 4)]).values()
        assert "its best is NaN after 4 of about 10 values" in why
        assert judge(rule, [*FOUR, (RUNNING, [0.05, nan, nan, nan])]) == {}
        early = [1.05, nan, nan, nan, nan, nan, nan]  # was fine, until it diverged
        assert judge(rule, [*FOUR, (RUNNING, early)]).keys() == {"4"}
        assert judge(rule, [*[(FINISHED, [nan] * 9)] * 4, (RUNNING, [nan] * 4)]) == {}
        up = [(state, [-v for v in values]) for state, values in FOUR]
        assert judge(rule, [*up, (RUNNING, [math.inf] * 4)], is_maximized=True).keys() == {"4"}


def test_a_maximised_metric_is_shown_as_it_was_logged():
    up = [(state, [-v for v in values]) for state, values in FOUR]
    for rule in (Median(), Asha()):
        (why,) = judge(rule, [*up, (RUNNING, [-3.0] * 4)], is_maximized=True).values()
        assert "its best is -3 after" in why


# ASHA


def test_asha_lets_the_best_part_go_on_at_each_rung():
    runs = [*FOUR, (RUNNING, falling(0.5)[:2]), (RUNNING, falling(0.05)[:2])]
    assert judge(Asha(), runs) == {
        "4": "asha: its best is 1.3 after 2 of about 10 values, not among the best 2 of 6 runs at "
        "20% of their length (0.9 or better goes on)"
    }
    assert judge(Asha(), [*FOUR, (RUNNING, falling(0.5)[:1])]) == {}
    # From rung to rung: between them a run is left alone if it has been good enough.
    fine = [*falling(0.05)[:2], *[0.85] * 3]
    assert judge(Asha(), [*FOUR, (RUNNING, fine)]) == {}
    assert judge(Asha(), [*FOUR, (RUNNING, [*fine, 0.85])]).keys() == {"4"}


def test_asha_counts_all_that_reached_a_rung():
    losers = [("killed", [5.0, 5.0])] * 9
    middling = (RUNNING, falling(0.35)[:2])
    assert judge(Asha(), [*FOUR, middling]).keys() == {"4"}
    assert judge(Asha(), [*FOUR, middling, *losers]) == {}
    assert judge(Asha(min_iter=3), [*FOUR, middling]) == {}


# What holds always

CURVES = st.lists(st.floats(-10, 10) | st.sampled_from([0.0, 1.0, math.nan, math.inf]), max_size=12)
RUNS = st.lists(
    st.tuples(st.sampled_from(STATES), CURVES, st.none() | st.integers(1, 20)), max_size=12
)
RULES = st.builds(
    Median,
    min_runs=st.integers(1, 5),
    min_fraction=st.floats(0.01, 0.99),
    patience=st.integers(0, 3),
) | st.builds(
    Asha, min_runs=st.integers(1, 5), min_fraction=st.floats(0.01, 0.99), eta=st.floats(1.1, 5)
)


@given(RULES, RUNS, st.booleans())
def test_the_best_so_far_is_never_stopped(rule, runs, is_maximized):
    sign = -1 if is_maximized else 1
    bests = [
        min((sign * v for v in values if math.isfinite(v)), default=math.inf)
        for _, values, _ in runs
    ]
    found = judge(rule, runs, is_maximized=is_maximized)
    finished = sum(state == "finished" and bool(values) for state, values, _ in runs)
    assert not found or finished >= rule.min_runs
    for name in found:
        assert runs[int(name)][0] == "running"
        assert bests[int(name)] > min(bests)


@given(RULES | st.builds(Hyperband, min_iter=st.integers(1, 4)), RUNS)
def test_maximising_is_minimising_the_negative(rule, runs):
    down = judge(rule, runs)
    negative = [(state, [-v for v in values], planned) for state, values, planned in runs]
    assert judge(rule, negative, is_maximized=True).keys() == down.keys()


def test_long_curves_are_kept_short_and_judged_alike():
    rng = random.Random(2)
    for rule in (Median(), Asha(), Hyperband(min_iter=100)):
        curves = [
            [base + rng.random() + 1000 / (i + 10) for i in range(5000)]
            for base in (0.1, 0.2, 0.3, 0.4)
        ]
        kept = [course(rule, values, run="x", state=FINISHED) for values in curves]
        assert all(len(one.marks) <= 512 for one in kept)
        runs = [(FINISHED, values) for values in curves]
        assert judge(rule, [*runs, (RUNNING, [v + 3 for v in curves[0][:2001]])]).keys() == {"4"}
        assert judge(rule, [*runs, (RUNNING, [v - 3 for v in curves[0][:2001]])]) == {}
        # Its last value is the best of all: no rounding hides that.
        if not isinstance(rule, Hyperband):
            late = [v + 3 for v in curves[0][:2000]] + [-5.0]
            assert judge(rule, [*runs, (RUNNING, late)]) == {}


@pytest.mark.parametrize(
    ("budget", "config", "expected"),
    [
        (None, {"epochs": 5}, None),
        (12.5, {"epochs": 5}, 12.5),
        ("epochs", {"epochs": 5}, 5.0),
        ("train.epochs", {"train": {"epochs": 7}}, 7.0),
        ("train.epochs", {"train.epochs": 8, "train": 1}, 8.0),
        ("train.epochs", {"train": 1}, None),
        ("epochs", {"epochs": "5"}, None),
        ("epochs", {"epochs": True}, None),
        ("epochs", {"epochs": 0}, None),
        ("epochs", {"epochs": math.nan}, None),
        ("epochs", {"epochs": 10**400}, None),
        ("epochs", {}, None),
    ],
)
def test_budget(budget, config, expected):
    assert planned_values(Median(budget=budget), config) == expected
    assert planned_values(Asha(budget=budget), config) == expected
    assert planned_values(Hyperband(min_iter=1), config) is None
