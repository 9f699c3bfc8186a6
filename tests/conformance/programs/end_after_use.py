# end: what works on a finished run
# calls: run.finish
# differs: printed.1: "summary KeyError" -> "summary 1" | the summary can be read after the end
import wandb

run = wandb.init(project="p", config={"a": 1})
run.log({"x": 1})
run.finish()
for what, use in {
    "config": lambda: run.config.a,
    "summary": lambda: run.summary["x"],
    "id": lambda: bool(run.id),
    "log": lambda: run.log({"a": 1}),
    "set config": lambda: run.config.update({"b": 1}),
    "save": lambda: run.save("x"),
    "define": lambda: run.define_metric("x"),
}.items():
    try:
        print(what, use())
    except Exception as error:
        print(what, type(error).__name__)
