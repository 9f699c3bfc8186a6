# media: tables
# calls: Table, Table.add_data, Table.add_column
import wandb

with wandb.init(project="p") as run:
    table = wandb.Table(columns=["file", "guess"], data=[["a.jpg", 1], ["b.jpg", 2]])
    table.add_data("c.jpg", 3)
    print(table.columns, len(table.data))
    run.log({"errors": table})
    by_column = wandb.Table(columns=["a"], data=[[1], [2]])
    by_column.add_column("b", ["x", "y"])
    run.log({"by_column": by_column})
