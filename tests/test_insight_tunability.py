"""What tuning buys over a common default, with a known truth."""

import numpy as np
import pandas as pd
import pytest

from homerun.insight import tunability


def grid(sets=8, *, moves=0.0, noise=0.0):
    """Return a grid of lr and crop on data sets whose best lr differs by `moves`."""
    rng = np.random.default_rng(0)
    rows = []
    for d in range(sets):
        for lr in (1, 2, 3, 4, 5):
            for crop in ("crop", "squish"):
                best = 3 + moves * (-1) ** d
                y = d + 0.1 * (lr - best) ** 2 + 0.2 * (crop == "squish") + noise * rng.normal()
                rows.append({"dataset": f"d{d}", "lr": lr, "crop": crop, "err": np.exp(y)})
    return pd.DataFrame(rows)


def test_tuning_buys_what_the_best_value_moves():
    answer = tunability(grid(moves=1.0), "dataset", metric="err")
    rows = answer.table.set_index("parameter")
    assert answer.verdict == "tune"
    # With lr=3 each data set is .1 above its best; the others' mean may favour a neighbour.
    assert rows["gain"].iloc[0] >= np.expm1(0.1) - 1e-9
    assert rows.loc["lr", "gain"] == pytest.approx(rows["gain"].iloc[0])
    assert rows.loc["crop", "verdict"] == "use the default"
    assert answer.facts["default"]["crop"] == "crop"
    assert "Not worth tuning: crop" in answer.sentence


def test_a_default_that_is_best_everywhere_needs_no_tuning():
    answer = tunability(grid(), "dataset", metric="err")
    assert answer.verdict == "use the default"
    assert answer.facts["default"] == {"lr": 3, "crop": "crop"}


def test_two_data_sets_cannot_tell():
    answer = tunability(grid(2), "dataset", metric="err")
    assert answer.verdict == "cannot tell"
    assert "at least 3" in answer.sentence
