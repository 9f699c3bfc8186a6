# artifacts: what a name may be
# calls: Artifact
import wandb

for name in ("fine", "with space", "a/b", "", "x" * 200):
    try:
        wandb.Artifact(name, type="t")
        print(name[:10], "accepted")
    except ValueError:
        print(name[:10], "ValueError")
