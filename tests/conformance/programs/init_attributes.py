# init: what a run tells of itself
# calls: run.offline, run.disabled, run.resumed, run.sweep_id, run.start_time, run.dir, run.entity, Run, run.url, run.project_url, run.sweep_url
import os
import time

import wandb

with wandb.init(project="p") as run:
    print(run.offline, run.disabled, run.resumed, run.sweep_id, run.starting_step)
    print(abs(time.time() - run.start_time) < 60, os.path.isdir(run.dir), os.path.basename(run.dir))
    print(run.url, run.sweep_url, run.project_url, type(run.entity).__name__)
    print(isinstance(run, wandb.Run), len(run.id))
