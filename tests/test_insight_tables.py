"""What recorded sweeps taught: families of models, repeats and crashes, a tenth of a large grid."""

import pandas as pd
import pytest

from homerun.insight import compare
from tests.insight_grids import RecordedGrid
from tests.insight_tables import RECORDED

if RECORDED.is_dir():

    @pytest.fixture(scope="module")
    def fine_tuned():
        """Return the sweep of 92 pretrained models on two data sets."""
        df = pd.read_csv(RECORDED / "fastai_timm_sweep" / "fastai_timm.csv")
        return df.assign(family=df.model_name.str.extract(r"^([a-z]+)", expand=False))

    @pytest.mark.parametrize(
        ("dataset", "worse"),
        [
            ("pets", {"levit"}),
            ("planet", {"levit", "resnet", "resnetv", "efficientnet", "regnetx", "regnety"}),
        ],
    )
    def test_families_are_ranked_and_those_that_tie_with_the_best_are_named(
        fine_tuned, dataset, worse
    ):
        answer = compare(fine_tuned[fine_tuned.dataset == dataset], "family", metric="error_rate")
        rows = answer.table.set_index("family")
        assert rows.index[-1] == "levit"
        assert rows["costs"].is_monotonic_increasing
        assert worse <= set(rows.index[rows["verdict"] == "worse"])
        # A handful of models of each family: the best ones cannot be told apart.
        tied = list(rows.index[rows["verdict"] == "open"])
        assert {"swin", "convnext"} <= set(tied)
        assert answer.verdict == "cannot tell"
        assert f"cannot tell swinv from {', '.join(tied[:4])}" in answer.sentence
        assert "levit costs" in answer.sentence

    def test_rows_that_repeat_and_runs_that_crashed_are_said(fine_tuned):
        answer = compare(fine_tuned, "family", metric="error_rate")
        notes = " ".join(answer.notes)
        assert "37 of 894 rows have no finite error_rate: left out." in notes
        assert "30 rows repeat another one exactly: each counts once." in notes
        assert "pets, planet" in notes
        assert answer.facts["method"] == "adjusted"

    @pytest.mark.parametrize(
        ("name", "share", "least"),
        [
            ("logistic regression", 0.1, 30),
            ("network, vehicle", 0.1, 6),
            ("online LDA", 0.5, 30),
        ],
    )
    def test_what_a_random_tenth_settles_is_true_of_the_whole_grid(name, share, least):
        grid = RecordedGrid(name)
        claims = [grid.claims(share, seed) for seed in range(12)]
        assert sum(right for right, _ in claims) >= least
        assert sum(wrong > 0 for _, wrong in claims) <= 1  # 5 % of the analyses are promised
