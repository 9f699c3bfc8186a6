# other: alert with wait_duration
# calls: run.alert
# differs: runs.0.alerts: [["again", "1", "INFO"], ["again", "2", "INFO"]] -> [["again", "1", "INFO"]] | wait_duration holds at once (with W&B the server sees to it)
import wandb

with wandb.init(project="p") as run:
    run.alert("again", "1", wait_duration=300)
    run.alert("again", "2", wait_duration=300)
