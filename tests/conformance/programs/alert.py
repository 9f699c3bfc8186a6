# other: alert with its levels
# calls: run.alert, alert, AlertLevel
import wandb

with wandb.init(project="p") as run:
    run.alert("low", "accuracy is low")
    run.alert(title="warn", text="text", level=wandb.AlertLevel.WARN)
    wandb.alert("error", "text", level="ERROR", wait_duration=0)
