# plots: plot.line_series and plot_table
# calls: plot.line_series, plot_table
import wandb

with wandb.init(project="p") as run:
    run.log(
        {"series": wandb.plot.line_series([1, 2], [[1, 2], [3, 4]], keys=["a", "b"], title="t")}
    )
    table = wandb.Table(columns=["x", "y"], data=[[1, 2]])
    run.log({"own": wandb.plot_table("wandb/line/v0", table, {"x": "x", "y": "y"}, {"title": "t"})})
