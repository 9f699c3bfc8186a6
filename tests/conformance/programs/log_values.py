# log: values that are not plain numbers
# calls: run.log
import math

import wandb

with wandb.init(project="p") as run:
    run.log({"text": "hello", "none": None, "yes": True, "list": [1, "a", None]})
    run.log({"nan": math.nan, "inf": math.inf, "minus": -math.inf})
    run.log({"big": 10**20, "small": 1e-300, "int": 2**62, "tuple": (1, 2)})
    run.log({"unicode": "äöü ✓", "a key with spaces": 2, "slash/key": 3})
