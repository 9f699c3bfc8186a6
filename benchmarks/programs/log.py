"""Log rows of 10 scalars with one tracker: `log.py TRACKER CALLS [finish|die]`.

Prints what it cost as JSON: `init`, `loop` and `finish`, in seconds of CPU of this process, its
threads and its children; the import is not counted. With `die` it kills itself with SIGKILL right
after the last call. Peers are called in their leanest way, with statistics and console capture off.
"""

import json
import os
import resource
import signal
import sys
import time
from pathlib import Path

ROW = {f"metric_{i}": i / 7 for i in range(10)}


def homerun(calls, die):
    from homerun import init

    begun = cpu_s()
    run = init(project="bench", id="bench")
    loop(begun, calls, die, lambda step: run.log(ROW), run.finish)


def trackio(calls, die):
    import trackio

    begun = cpu_s()
    trackio.init(project="bench")
    loop(begun, calls, die, lambda step: trackio.log(ROW), trackio.finish)


def tensorboard(calls, die):
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    begun = cpu_s()
    writer = EventFileWriter("events")

    def log(step):
        values = [Summary.Value(tag=key, simple_value=value) for key, value in ROW.items()]
        writer.add_event(Event(wall_time=time.time(), step=step, summary=Summary(value=values)))

    loop(begun, calls, die, log, writer.close)


def wandb(calls, die):
    import wandb

    settings = wandb.Settings(silent=True, console="off", x_disable_stats=True)
    begun = cpu_s()
    run = wandb.init(project="bench", mode="offline", settings=settings)
    loop(begun, calls, die, lambda step: run.log(ROW), run.finish)


def loop(begun, calls, die, log, finish):
    ready = cpu_s()
    for step in range(calls):
        log(step)
    if die:
        os.kill(os.getpid(), signal.SIGKILL)
    looped = cpu_s()
    finish()
    costs = {"init": ready - begun, "loop": looped - ready, "finish": cpu_s() - looped}
    print("\n" + json.dumps(costs))


def cpu_s():
    """Return the CPU seconds that this process and all below it have used so far."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    total = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    parents, times = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(") ")[2].split()  # from field 3 on: proc(5)
        except OSError:  # it ended just now
            continue
        pid = int(stat.parent.name)
        parents[pid], times[pid] = int(fields[1]), sum(map(int, fields[11:15]))
    below = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= more
    ticks = sum(times[pid] for pid in below if pid != os.getpid())
    return total + ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    globals()[sys.argv[1]](int(sys.argv[2]), sys.argv[3:] == ["die"])
