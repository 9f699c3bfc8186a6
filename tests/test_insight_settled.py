"""What is called settled is true, also where a sweep was stopped anywhere."""

import numpy as np
import pandas as pd
import pytest

from homerun import UsageError
from homerun.insight import settled
from tests.insight_grids import is_false
from tests.insight_sweeps import LEVELS, designed, error_of, grid
from tests.insight_tables import RECORDED

DESIGNS = {  # and how many sweeps of each, for each noise
    "full grid": 30,
    "heavy noise": 25,
    "prefix": 30,
    "crashed": 25,
    "seeds": 25,
    "half": 12,
    "random": 12,
    "bayes-like": 12,
}
EFFECTS = {"model": {"b": 0.4, "c": 0.8}, "batch_size": {64: 0.08}}


def sweeps(kind, n, *, noise, interaction, seed):
    """Yield what is settled of simulated sweeps, each verdict with whether it is false."""
    rng = np.random.default_rng(seed)
    is_drawn = kind in {"random", "bayes-like"}
    levels = {**LEVELS, "lr": 10 ** np.linspace(-4, -2, 41)} if is_drawn else LEVELS
    full = grid(levels)
    options = {"effects": EFFECTS, "interaction": interaction}
    truth = np.log(error_of(full, rng, noise=0.0, **options))
    for _ in range(n):
        df = designed(kind, rng)
        error = error_of(df, rng, noise=noise, is_heavy=kind == "heavy noise", **options)
        rows = settled(df.assign(error=error), metric="error").table.itertuples()
        yield [(row.verdict, is_false(row, full, truth)) for row in rows]


def test_false_verdicts_of_many_sweeps():
    found = [
        verdicts
        for seed, (kind, many) in enumerate(DESIGNS.items())
        for noise, interaction in ((0.05, 0.0), (0.3, 0.0), (0.03, 0.2))
        for verdicts in sweeps(kind, many, noise=noise, interaction=interaction, seed=seed)
    ]
    n = len(found)
    assert n >= 500
    wrong = sum(any(is_wrong for _, is_wrong in verdicts) for verdicts in found)
    assert wrong / n <= 0.05
    assert sum(any(verdict != "open" for verdict, _ in verdicts) for verdicts in found) / n > 0.5


def verdicts(answer):
    return {(row.parameter, row.verdict, row.value) for row in answer.table.itertuples()}


def test_answer_of_a_grid_with_repeats():
    rng = np.random.default_rng(0)
    df = pd.concat([grid().assign(seed=seed, optimizer="adam") for seed in range(3)])
    df["error"] = error_of(df, rng, effects={"model": {"b": 0.4, "c": 0.8}}, noise=0.01)
    answer = settled(df, metric="error")
    assert ("model", "fix", "a") in verdicts(answer)
    assert answer.facts["constants"] == {"optimizer": "adam"}
    assert answer.facts["best"]["model"] == answer.facts["robust"]["model"] == "a"
    assert any("Repeats, not parameters: seed" in note for note in answer.notes)
    assert any("optimizer=adam" in note for note in answer.notes)
    assert max(map(len, str(answer).splitlines())) <= 80


def test_a_best_value_at_the_end_wants_more_range():
    rng = np.random.default_rng(0)
    df = grid({"lr": [1e-4, 1e-3, 1e-2], "wd": [0.0, 0.1, 0.2], "size": [1, 2, 3, 4]})
    y = -0.3 * np.log10(df.lr) + 0.5 * df.wd + rng.normal(0, 0.01, len(df))
    answer = settled(df.assign(error=np.exp(y)), metric="error")
    assert ("lr", "extend", "> 0.01") in verdicts(answer)
    assert ("wd", "fix", "0") in verdicts(answer)  # below nothing there is nothing


def test_a_drawn_range_is_extended_or_cut():
    rng = np.random.default_rng(0)
    df = pd.DataFrame({"lr": 10 ** rng.uniform(-5, -1, 150), "wd": rng.uniform(0.1, 1, 150)})
    y = 0.3 * (np.log10(df.lr) + 2.5) ** 2 - 2 * df.wd + rng.normal(0, 0.03, 150)
    found = verdicts(settled(df.assign(error=np.exp(y)), metric="error"))
    assert any(name == "wd" and verdict == "extend" for name, verdict, _ in found)
    assert any(
        name == "lr" and verdict == "drop" and value.startswith("< ")
        for name, verdict, value in found
    )


def test_a_lucky_winner_is_named():
    rng = np.random.default_rng(0)
    df = grid()
    df["error"] = error_of(df, rng, effects={"model": {"b": 0.4, "c": 0.8}}, noise=0.02)
    lucky = df.index[(df.model == "b") & (df.lr == 1e-2)][0]
    df.loc[lucky, "error"] = df.error.min() * 0.9
    answer = settled(df, metric="error")
    assert answer.facts["best"]["model"] == "b"
    assert answer.facts["robust"]["model"] == "a"
    assert any("fragile" in note for note in answer.notes)


def test_pure_noise_settles_nothing():
    rng = np.random.default_rng(0)
    answer = settled(grid().assign(error=np.exp(rng.normal(0, 1, 54))), metric="error")
    assert answer.verdict == "open"
    assert answer.sentence.startswith("Nothing is settled yet")


def test_a_table_without_parameters():
    answer = settled(pd.DataFrame({"a": [1, 1], "error": [0.1, 0.2]}), metric="error")
    assert answer.sentence == "No parameter varies: there is nothing to settle."


def test_a_wrong_margin_is_said():
    with pytest.raises(UsageError, match="margin is 0"):
        settled(grid().assign(error=1.0), metric="error", margin=0)


if RECORDED.is_dir():

    def test_recorded_grid_of_convnext():
        df = pd.read_csv(RECORDED / "convnext_lr_wd_seed" / "runs.csv")
        found = verdicts(settled(df, metric="val_accuracy", goal="maximize"))
        assert ("learning_rate", "drop", "0.001") in found
        assert ("learning_rate", "extend", "> 0.01") in found
