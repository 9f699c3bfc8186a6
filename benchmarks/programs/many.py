"""Log two keys in many runs, one after the other: `many.py RUNS STEPS`."""

import sys

import homerun

runs, steps = map(int, sys.argv[1:])
for number in range(runs):
    with homerun.init(project="bench", config={"number": number}) as run:
        for step in range(steps):
            run.log({"loss": 1 / (step + 1), "error_rate": step / 7})
