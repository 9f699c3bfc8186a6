"""The room as a whole: what it loads, what it says without a library, how much it takes."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from homerun import insight

PROGRAM = """
import sys
sys.modules[{missing!r}] = None
import homerun as hr
hr.insight
heavy = {{"numpy", "pandas", "scipy", "sklearn"}}
print([name for name in heavy if sys.modules.get(name)])
try:
    hr.insight.{question}
except hr.MissingExtraError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("missing", "question"),
    [
        ("pandas", "compare"),
        ("numpy", "settled"),
        ("scipy", "independence"),
        ("sklearn", "importance"),
    ],
)
def test_a_missing_library_is_named_at_the_first_question(missing, question):
    program = PROGRAM.format(missing=missing, question=question)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["[]", "insight needs: pip install 'homerun[insight]'"]


def test_ten_thousand_runs_of_twenty_parameters_are_answered():
    rng = np.random.default_rng(0)
    df = pd.DataFrame(rng.uniform(size=(10_000, 19))).add_prefix("p")
    df["crop"] = rng.choice(["crop", "squish"], 10_000)
    y = df["p0"] + df["p1"] * df["p2"] + 0.1 * (df["crop"] == "squish")
    df = df.assign(err=np.exp(y + 0.1 * rng.normal(size=10_000)))
    better = insight.compare(df, "crop", metric="err")
    shares = insight.importance(df, metric="err")
    pairs = insight.independence(df, metric="err").table
    found = insight.settled(df, metric="err")
    assert better.verdict == "crop"
    assert set(shares.table["parameter"][:3]) == {"p0", "p1", "p2"}
    pairs = pairs[pairs["interacts"] == "yes"]
    assert [*zip(pairs["a"], pairs["b"], strict=True)] == [("p1", "p2")]
    assert ("crop", "fix") in {(row.parameter, row.verdict) for row in found.table.itertuples()}
