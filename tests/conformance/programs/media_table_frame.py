# media: a table from a data frame
# calls: Table(dataframe=)
import pandas as pd
import wandb

with wandb.init(project="p") as run:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    run.log({"frame": wandb.Table(dataframe=frame)})
