# init: WANDB_* names in the environment
# calls: init
import os

os.environ["WANDB_PROJECT"] = "from-env"
os.environ["WANDB_NAME"] = "env-name"
os.environ["WANDB_TAGS"] = "one,two"
os.environ["WANDB_NOTES"] = "env notes"
os.environ["WANDB_RUN_GROUP"] = "env-group"
os.environ["WANDB_JOB_TYPE"] = "env-job"
os.environ["WANDB_RUN_ID"] = "env-id"

import wandb

with wandb.init() as run:
    print(run.name, run.project, run.tags, run.notes, run.group, run.job_type, run.id)
