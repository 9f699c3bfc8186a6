# files: a policy that is unknown
# calls: run.save
import wandb

with wandb.init(project="p") as run:
    try:
        run.save("x.txt", policy="sometimes")
        print("accepted")
    except ValueError:
        print("ValueError")
