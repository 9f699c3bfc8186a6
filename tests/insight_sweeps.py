"""Made-up sweeps with known truth, for the tests of what a table of runs teaches."""

from itertools import product

import numpy as np
import pandas as pd

LEVELS = {
    "resize": ["crop", "squish"],
    "model": ["a", "b", "c"],
    "lr": [1e-4, 1e-3, 1e-2],
    "batch_size": [16, 32, 64],
}


def grid(levels=LEVELS):
    """Return every combination of levels, a row each."""
    return pd.DataFrame(list(product(*levels.values())), columns=list(levels))


def designed(kind, rng):
    """Return the configurations of a sweep of some design, in which `resize` is balanced."""
    full = grid()
    if kind in {"full grid", "heavy noise"}:
        return full
    if kind == "prefix":  # stopped anywhere in W&B's order
        order = full.sort_values(["batch_size", "lr", "model", "resize"])
        return order.head(int(rng.integers(12, 54)))
    if kind in {"half", "crashed"}:
        return full.iloc[rng.permutation(54)[: 27 if kind == "half" else 48]]
    if kind == "seeds":
        one = full[full.batch_size == 32]
        return pd.concat([one.assign(seed=seed) for seed in range(3)], ignore_index=True)
    n = 40
    drawn = {
        "resize": rng.choice(["crop", "squish"], n),
        "model": rng.choice(["a", "b", "c"], n),
        "lr": 10 ** rng.uniform(-4, -2, n),
        "batch_size": rng.choice([16, 32, 64], n),
    }
    if kind == "bayes-like":  # it crowds where the error is small
        drawn["lr"] = 10 ** np.clip(rng.normal(-3.2, 0.35, n), -4, -2)
        drawn["model"] = rng.choice(["a", "b", "c"], n, p=[0.7, 0.2, 0.1])
    return pd.DataFrame(drawn)


def error_of(configurations, rng, *, effects, noise, interaction=0.0, is_heavy=False):
    """Return errors: levels act as factors `exp(effect)`; models also tilt the learning rate.

    `is_heavy`: the noise is that of Student's t with 3 degrees of freedom.
    `interaction`: squish costs so much with model a, and gains as much with model b.
    """
    df = configurations
    log_lr = np.log10(df.lr.to_numpy()) + 3
    y = 0.15 * log_lr**2 + 0.2 * (df.model == "a").to_numpy() * log_lr
    for name, by_level in effects.items():
        y = y + df[name].map(by_level).fillna(0).to_numpy()
    squish = (df.resize == "squish").to_numpy()
    y = y + interaction * squish * df.model.map({"a": 1, "b": -1, "c": 0}).to_numpy()
    drawn = rng.standard_t(3, len(df)) if is_heavy else rng.normal(size=len(df))
    return 0.1 * np.exp(y + noise * drawn)
