# plots: plot.line, plot.bar, plot.scatter and plot.histogram
# calls: plot.line, plot.bar, plot.scatter, plot.histogram
import wandb


def table():
    return wandb.Table(columns=["x", "y"], data=[[1, 2], [2, 4]])


with wandb.init(project="p") as run:
    run.log({"line": wandb.plot.line(table(), "x", "y", title="a line")})
    run.log({"bar": wandb.plot.bar(table(), "x", "y", title="bars")})
    run.log({"scatter": wandb.plot.scatter(table(), "x", "y")})
    run.log({"histogram": wandb.plot.histogram(table(), "y")})
