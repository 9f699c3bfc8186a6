"""How often insight errs and how much it finds: simulated sweeps, and parts of recorded grids.

python benchmarks/insight.py [SWEEPS [PART ...]]   of each kind, 400; parts: winners, settled,
pairs, power, grids, speed, reports (all). 400 of all take about ten minutes.
"""

import sys
import time
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.insight_grids import GRIDS, RecordedGrid
from tests.insight_tables import BIG, SMALL, points, prepared, response, table, with_noise
from tests.test_insight_compare import cost_of_squish, simulated
from tests.test_insight_settled import sweeps as settled_sweeps
from tests.test_report import sweep_of

from homerun import charts
from homerun.insight import compare, fit_effects, importance, independence, settled

DESIGNS = [
    ("full grid", "grid", 324, 0.15),
    ("part of a grid", "partial", 80, 0.1),
    ("random", "random", 60, 0.1),
    ("random, large noise", "random", 100, 0.5),
    ("search-like", "bayes", 80, 0.1),
    ("3 seeds each", "seeds", 40, 0.15),
    ("a tenth crashed", "crashed", 90, 0.1),
]
KINDS = "full grid,heavy noise,prefix,crashed,seeds,half,random,bayes-like".split(",")


def false_winners(times):
    print("\n| design | false winner .05 / .3 | interval holds | finds 5 % / 10 %, noise .05 |")
    print("|---|---|---|---|")
    for kind in KINDS:
        rates, held = [], []
        for noise in (0.05, 0.3):
            found = list(simulated(kind, times, seed=1, noise=noise))
            rates.append(np.mean([is_winner(one) for one in found]))
            held += [low <= 0 <= high for _, low, high in map(cost_of_squish, found)]
        power = [
            np.mean([one.verdict == "crop" for one in simulated(kind, times, seed=2, cost=cost)])
            for cost in (0.05, 0.1)
        ]
        print(
            f"| {kind} | {rates[0]:.3f} / {rates[1]:.3f} | {np.mean(held):.3f} |"
            f" {power[0]:.2f} / {power[1]:.2f} |"
        )


def is_winner(found):
    return found.verdict not in {"cannot tell", "no difference"}


def false_claims(times):
    print("\n| design | sweeps | claims | false claims | sweeps with one |\n|---|---|---|---|---|")
    for kind in KINDS:
        found = [
            [is_wrong for verdict, is_wrong in verdicts if verdict != "open"]
            for noise, interaction in ((0.05, 0.0), (0.3, 0.0), (0.03, 0.2))
            for verdicts in settled_sweeps(
                kind, times, noise=noise, interaction=interaction, seed=1
            )
        ]
        each = [sum(wrong) for wrong in found]
        claims, sweeps = sum(map(len, found)), np.mean(np.array(each) > 0)
        print(f"| {kind} | {len(found)} | {claims} | {sum(each)} | {sweeps:.1%} |")


def grids(times):
    print("\n| grid | configurations | analyses | claims | false | analyses with a false one |")
    print("|---|---|---|---|---|---|")
    for name in GRIDS:
        grid = RecordedGrid(name)
        found = [grid.claims(0.5 if "LDA" in name else 0.1, seed) for seed in range(times)]
        right, wrong = np.sum(found, axis=0)
        sweeps = sum(wrong > 0 for _, wrong in found)
        print(
            f"| {name} | {len(grid.truth):,} | {times} | {right + wrong} | {wrong} | {sweeps} |",
            flush=True,
        )


def found(design, n, noise, times):
    """Return the pairs that each simulated sweep names; ten share a design."""
    rng = np.random.default_rng(1)
    for k in range(times):
        if k % 10 == 0:
            x = points(design, n, rng)
            clean = prepared(x, response(x))
        model = fit_effects(with_noise(clean, noise * rng.normal(size=len(clean.run_y))))
        yield {test.pair for test in model.pairs if test.interacts}


def false_pairs(times):
    print("\n| design | noise | a false pair in | false pairs an analysis |\n|---|---|---|---|")
    for name, design, n, noise in DESIGNS:
        wrong = [len(pairs - {SMALL, BIG}) for pairs in found(design, n, noise, times)]
        rate, each = np.mean(np.array(wrong) > 0), np.mean(wrong)
        print(f"| {name}, n={n} | {noise} | {rate:.1%} | {each:.3f} |")


def power(times):
    print("\n| noise | runs | finds the small one | the big one |\n|---|---|---|---|")
    for noise in (0.05, 0.15):
        for n in (40, 80, 160):
            hits = [
                [p in pairs for p in (SMALL, BIG)] for pairs in found("random", n, noise, times)
            ]
            small, big = np.mean(hits, axis=0)
            print(f"| {noise} | {n} | {small:.2f} | {big:.2f} |")


def speed(times):
    rng = np.random.default_rng(0)
    x = np.column_stack([points("random", 10_000, rng), rng.uniform(size=(10_000, 14))])
    df = table(x[:, :6], response(x) + 0.1 * rng.normal(size=10_000))
    for j in range(14):
        df[f"q{j}"] = x[:, 6 + j]
    print("\n| 10,000 runs, 20 parameters | CPU s |\n|---|---|")
    questions = (partial(compare, parameter="p5"), importance, independence, settled)
    names = "compare importance independence settled".split()
    for name, question in zip(names, questions, strict=True):
        started = time.process_time()
        question(df, metric="err")
        print(f"| {name} | {time.process_time() - started:.1f} |")


def reports(times):
    print("\n| runs | report with pictures, CPU s | page, kB | slowest answer, CPU s |")
    print("|---|---|---|---|")
    charts.report(sweep_of(100)[0], metric="error").to_html()  # what is loaded but once
    for runs in (500, 5000, 15000):
        df, history = sweep_of(runs)
        started = time.process_time()
        page = charts.report(df, metric="error", history=history).to_html()
        took = time.process_time() - started
        asked = {name: answer_s(ask, df) for name, ask in ANSWERS.items()}
        slowest = max(asked, key=asked.get)
        print(
            f"| {runs:,} | {took:.1f} | {len(page.encode()) / 1000:,.0f} |"
            f" {slowest} {asked[slowest]:.1f} |"
        )


def answer_s(ask, df):
    started = time.process_time()
    ask(df, metric="error")
    return time.process_time() - started


ANSWERS = {
    "compare model": partial(compare, parameter="model"),
    "compare lr": partial(compare, parameter="lr"),
    "importance": importance,
    "independence": independence,
    "settled": settled,
    "effect": charts.effect,
    "pair": charts.pair,
    "scatter": charts.scatter,
    "progress": charts.progress,
}
PARTS = {
    "winners": false_winners,
    "settled": false_claims,
    "pairs": false_pairs,
    "power": power,
    "grids": grids,
    "speed": speed,
    "reports": reports,
}

if __name__ == "__main__":
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    for part in sys.argv[2:] or PARTS:
        PARTS[part](many)
