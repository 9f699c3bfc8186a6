# config: values of other kinds
# calls: run.config
import math
from enum import Enum
from pathlib import Path

import numpy as np
import wandb


class Colour(Enum):
    RED = "red"


with wandb.init(project="p") as run:
    run.config.numpy = np.float32(0.5)
    run.config.array = np.arange(3)
    run.config.tuple = (1, 2)
    run.config.text = "äöü"
    run.config.inf = math.inf
    run.config.int_keys = {1: "a", 2: "b"}
    run.config.path = Path("some/where")
    run.config.set = {1}
