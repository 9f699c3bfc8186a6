# plots: plot.confusion_matrix
# calls: plot.confusion_matrix
import wandb

with wandb.init(project="p") as run:
    plot = wandb.plot.confusion_matrix(y_true=[0, 1, 1], preds=[0, 1, 0], class_names=["a", "b"])
    run.log({"confusion": plot})
