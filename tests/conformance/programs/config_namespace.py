# config: argparse.Namespace
# calls: init(config=), run.config.update
from argparse import Namespace

import wandb

with wandb.init(project="p", config=Namespace(lr=0.1, epochs=3)) as run:
    run.config.update(Namespace(batch=4))
    print(run.config.lr, run.config.batch)
