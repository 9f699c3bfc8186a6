# other: login, before init
# calls: login
# accepted: login: there is nothing to log in to
# differs: printed.0: "False" -> "True" | there is nothing to log in to
import wandb

print(bool(wandb.login(key=None, anonymous="never", relogin=False, timeout=1)))
with wandb.init(project="p") as run:
    run.log({"a": 1})
