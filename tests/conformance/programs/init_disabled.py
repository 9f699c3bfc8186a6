# init: mode="disabled" records nothing
# calls: init(mode=), run.log, run.disabled
# differs: printed.0: "1 3 True 0" -> "1 3 True 1" | steps are counted as always
import wandb

run = wandb.init(project="p", mode="disabled", config={"a": 1})
run.log({"loss": 1})
run.summary["x"] = 2
run.config.b = 3
print(run.config.a, run.config.b, run.disabled, run.step)
run.log({"loss": 1})
run.define_metric("loss", summary="min")
run.alert("title")
run.finish()
print(wandb.run)
