# init: a second init while a run is active
# calls: init(reinit=)
# differs: printed.1: "['a']" -> "['a', 'b']" | a second init adds the keys that are not there yet
# differs: runs.0.config.b: absent -> 2 | as above
import wandb

first = wandb.init(project="p", config={"a": 1})
second = wandb.init(project="p", config={"b": 2})
print(first is second, second.id == first.id)
second.log({"x": 1})
print(sorted(second.config.keys()))
