# init: arguments that have no meaning without a server
# calls: init(dir=), init(force=), init(anonymous=), init(save_code=), init(entity=)
# accepted: init(force=): nobody has to log in
# accepted: init(anonymous=): nobody has to log in
# accepted: init(dir=): all is kept in the home
# accepted: init(tensorboard=): only what log() is given is recorded
# accepted: init(sync_tensorboard=): only what log() is given is recorded
# accepted: init(monitor_gym=): only what log() is given is recorded
# refused: init(resume_from=): runs are not rewound
# refused: init(fork_from=): runs are not rewound
import wandb

with wandb.init(
    project="p", entity="team", dir=".", force=False, anonymous="allow", save_code=False
) as run:
    print(run.entity, run.project)
