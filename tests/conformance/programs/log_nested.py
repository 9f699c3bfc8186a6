# log: nested dictionaries become dotted keys
# calls: run.log
# differs: runs.0.rows.0.empty: absent -> {} | an empty dictionary is kept
# differs: runs.0.summary.empty: absent -> {} | an empty dictionary is kept
import wandb

with wandb.init(project="p") as run:
    run.log({"val": {"loss": 0.5, "by": {"class": [1, 2]}}, "empty": {}})
    run.log({"val": {"loss": 0.4}})
    run.log({"val.loss": 0.3})
