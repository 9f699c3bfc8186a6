# end: an interrupt from the keyboard
# calls: init
# differs: runs.0.exit_code: 255 -> 130 | the exit code that a shell shows for Ctrl-C
import wandb

run = wandb.init(project="p")
run.log({"a": 1})
raise KeyboardInterrupt
