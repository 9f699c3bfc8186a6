# media: a figure of matplotlib becomes an image
# calls: Image
import matplotlib.pyplot as plt
import wandb

with wandb.init(project="p") as run:
    figure, axes = plt.subplots(figsize=(2, 1), dpi=50)
    axes.plot([1, 2, 3])
    run.log({"figure": wandb.Image(figure)})
