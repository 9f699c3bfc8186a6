# log: from several threads
# calls: run.log
import threading

import wandb

run = wandb.init(project="p")
threads = [threading.Thread(target=run.log, args=({f"thread{i}": i}, i)) for i in range(3)]
for thread in threads:
    thread.start()
    thread.join()
print(run.step)
run.finish()
