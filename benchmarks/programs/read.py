"""Print the CPU seconds of reading: `read.py homerun|mlflow COUNT` or `history RUNS STEPS`."""

import sys
import time


def homerun(count):
    import pandas as pd

    import homerun

    pd.DataFrame({"a": [1, None]}).to_string()  # pandas loads half of itself when first used
    start = time.process_time()
    frame = homerun.runs()
    assert len(frame) == count and {"number_0", "choice_4", "metric_9"} <= set(frame)
    return time.process_time() - start


def mlflow(count):
    import mlflow

    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    mlflow.search_runs(max_results=1)
    start = time.process_time()
    frame = mlflow.search_runs(max_results=count)
    assert len(frame) == count and {"params.number_0", "metrics.metric_9"} <= set(frame)
    return time.process_time() - start


def history(count, steps):
    import homerun

    ids = homerun.runs().id
    homerun.history(ids[:1], keys=["loss"])
    start = time.process_time()
    frame = homerun.history(ids, keys=["loss"])
    assert len(frame) == count * steps and len(ids) == count
    return time.process_time() - start


if __name__ == "__main__":
    print(globals()[sys.argv[1]](*map(int, sys.argv[2:])))
