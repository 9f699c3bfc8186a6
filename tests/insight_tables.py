"""Tables of runs with a known truth, and the folder of recorded ones."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from homerun.insight import prepare

NAMES = [f"p{j}" for j in range(6)]
SMALL, BIG = (2, 5), (0, 1)  # the pairs that interact
_ROOT = Path(__file__).resolve().parent.parent
RECORDED = Path(os.environ.get("HOMERUN_TEST_DATA", _ROOT.parent / "shared" / "data"))


def points(design, n, rng):
    """Return configurations (n, 6): four numbers, a category of three, one of two.

    `bayes`: three in four of them near the best of those before, as a search would.
    """
    if design in {"grid", "partial", "seeds", "crashed"}:
        levels = [np.linspace(-1, 1, 3)] * 3 + [[-1.0, 1.0], [0.0, 1.0, 2.0], [0.0, 1.0]]
        full = np.stack(np.meshgrid(*levels, indexing="ij"), -1).reshape(-1, 6)
        if design == "grid":
            return full
        some = full[rng.permutation(len(full))[:n]]
        if design == "seeds":
            return np.repeat(some, 3, axis=0)
        return some if design == "partial" else some[rng.random(n) > 0.1]
    x = np.column_stack([rng.uniform(-1, 1, (n, 4)), rng.integers(0, 3, n), rng.integers(0, 2, n)])
    for i in range(12, n if design == "bayes" else 0):
        if i % 4:
            best = x[np.argmin(response(x[:i]) + 0.05 * rng.normal(size=i))]
            x[i, :4] = np.clip(best[:4] + 0.25 * rng.normal(size=4), -1, 1)
            x[i, 4:] = np.where(rng.random(2) < 0.7, best[4:], x[i, 4:])
    return x


def response(x, *, small=0.055, big=0.2):
    """Return the log of the error without noise: main effects and two interactions.

    `small` and `big` are the standard deviations of the interactions p2:p5 and p0:p1.
    """
    by_itself = 0.5 * x[:, 0] ** 2 + 0.3 * x[:, 1] + 0.2 * x[:, 2] - 0.3 * (x[:, 3] - 0.2) ** 2
    categories = np.array([0, 0.1, 0.3])[x[:, 4].astype(int)] + 0.1 * x[:, 5]
    together = big * 3 * x[:, 0] * x[:, 1] + small * np.sqrt(3) * x[:, 2] * (2 * x[:, 5] - 1)
    return by_itself + categories + together


def table(x, y):
    """Return runs as a table: the parameters and `err`, whose log is y."""
    df = pd.DataFrame(x, columns=NAMES)
    df["p4"] = df["p4"].map({0: "adam", 1: "sgd", 2: "lamb"})
    df["p5"] = df["p5"].map({0: "crop", 1: "squish"})
    return df.assign(err=np.exp(y))


def prepared(x, y):
    return prepare(table(x, y), metric="err", params=NAMES)


def with_noise(clean, noise):
    """Return a prepared table with noise added to the response of each run."""
    run_y = clean.run_y + noise
    return replace(clean, run_y=run_y, y=np.bincount(clean.run_cell, run_y) / clean.count)
