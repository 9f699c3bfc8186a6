# init: one tag as a text
# calls: init(tags=)
# differs: printed.0: "('a', 'l', 'o', 'n', 'e')" -> "('alone',)" | a text is one tag (wandb 0.31 makes its letters tags)
# differs: runs.0.tags: ["a", "l", "o", "n", "e"] -> ["alone"] | as above
import wandb

run = wandb.init(project="p", tags="alone")
print(run.tags)
run.finish()
