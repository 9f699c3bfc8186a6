"""Make finished runs of 20 config and 10 summary values: `fill.py TRACKER COUNT`."""

import json
import random
import sys
import time

rng = random.Random(1)
CHOICES = ["resnet26d", "convnext_small", "vit_small_patch16_224", "swinv2_base"]


def config():
    numbers = {f"number_{i}": rng.random() for i in range(10)}
    counts = {f"count_{i}": rng.randrange(1000) for i in range(5)}
    return numbers | counts | {f"choice_{i}": rng.choice(CHOICES) for i in range(5)}


def summary():
    return {f"metric_{i}": rng.random() for i in range(10)}


def homerun(count):
    from homerun.store import Store

    now = time.time()
    rows = [
        (f"run{i:06}", f"run-{i}", json.dumps(config()), json.dumps(summary()), now)
        for i in range(count)
    ]
    with Store() as store, store.write() as db:
        db.executemany(
            "INSERT INTO run(id, project, name, state, config, summary, created_at)"
            " VALUES (?, 'bench', ?, 'finished', ?, ?, ?)",
            rows,
        )


def mlflow(count):
    import mlflow
    from mlflow.entities import Metric, Param

    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    client = mlflow.MlflowClient()
    for _ in range(count):
        run_id = client.create_run("0").info.run_id
        metrics = [Metric(key, value, 0, 0) for key, value in summary().items()]
        client.log_batch(run_id, metrics, [Param(k, str(v)) for k, v in config().items()])
        client.set_terminated(run_id)


if __name__ == "__main__":
    globals()[sys.argv[1]](int(sys.argv[2]))
