# log: log() without data
# calls: log
# differs: printed.0: "TypeError" -> "fine" | accepted as a commit of what is open
import wandb

with wandb.init(project="p") as run:
    run.log({"a": 1}, commit=False)
    try:
        run.log()
        print("fine")
    except TypeError:
        print("TypeError")
