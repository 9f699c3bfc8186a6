"""How few runs the advice needs: simulated sweeps of two parameters, followed to the end.

Prints, for each shape, size and noise: the share of the full grid that following homerun advise
ran, and how often what was best then, and what was best when a quarter of the grid had run, lay
within the noise of one run of the best there is.
"""

import argparse
import sys
from pathlib import Path
from statistics import mean

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.advise_sweeps import bowl, cliff, follow, kinds

CASES = [
    ((bowl, bowl), (8, 8)),
    ((bowl, bowl), (10, 10)),
    ((bowl, bowl), (12, 12)),
    ((bowl, kinds), (16, 6)),
    ((cliff, bowl), (12, 12)),
    ((cliff, cliff), (20, 20)),
    ((kinds, kinds), (10, 10)),
]
NOISES = (0.02, 0.05, 0.15)
FIRST = 5000  # seed; the advice was made with those below


def main() -> None:
    """Follow the advice many times and print a table."""
    parser = argparse.ArgumentParser(description="How few runs does homerun advise need?")
    parser.add_argument("-n", type=int, default=100, help="repetitions of each case")
    n = parser.parse_args().n
    print(f"{'shapes':14} {'grid':7} {'noise':>6} {'runs':>6} {'at the end':>11} {'at 25 %':>8}")
    for shapes, sizes in CASES:
        for noise in NOISES:
            found = [
                follow(shapes, sizes, noise=noise, seed=seed) for seed in range(FIRST, FIRST + n)
            ]
            share = mean(one.share for one in found)
            end = mean(one.regret <= 1 for one in found)
            quarter = mean(one.regret_of_quarter <= 1 for one in found)
            names = " + ".join(shape.__name__ for shape in shapes)
            grid = "x".join(map(str, sizes))
            print(
                f"{names:14} {grid:7} {noise:6.0%} {share:6.0%} {end:11.0%} {quarter:8.0%}",
                flush=True,
            )


if __name__ == "__main__":
    main()
