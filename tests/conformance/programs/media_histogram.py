# media: histograms, from values and from numpy
# calls: Histogram
import numpy as np
import wandb

with wandb.init(project="p") as run:
    run.log({"values": wandb.Histogram([1, 2, 2, 3])})
    run.log({"bins": wandb.Histogram(np.arange(10.0), num_bins=5)})
    run.log({"ready": wandb.Histogram(np_histogram=np.histogram([1.0, 2.0, 4.0], bins=3))})
