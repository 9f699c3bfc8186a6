"""Print as JSON the public names of the `wandb` that this Python finds, as programs write them.

Names given as JSON on the standard input are the ones that are looked for.
"""

import inspect
import json
import sys
from functools import cache

import wandb

# Modules, and names that W&B documents and does not list in wandb.__all__.
ALSO = "Artifact AlertLevel Settings alert login teardown restore log_code mark_preempting termlog"
ALSO += " termwarn termerror Error errors util env plot run"
ALSO_OF_TABLE = "add_data add_column get_column get_dataframe iterrows"


def public(thing):
    """Return the names of a class or module that do not start with an underscore."""
    return [name for name in dir(thing) if not name.startswith("_")]


def names():
    """Yield the names of the real wandb."""
    yield from dict.fromkeys([*wandb.__all__, *ALSO.split()])
    yield from (f"init({name}=)" for name in inspect.signature(wandb.init).parameters)
    arguments = list(inspect.signature(wandb.Run.define_metric).parameters)
    yield from (f"define_metric({name}=)" for name in arguments[2:])
    yield from (f"run.{name}" for name in public(wandb.Run))
    yield from (f"Artifact.{name}" for name in public(wandb.Artifact))
    yield from (f"Table.{name}" for name in ALSO_OF_TABLE.split())
    plots = (name for name in public(wandb.plot) if inspect.isroutine(getattr(wandb.plot, name)))
    yield from (f"plot.{name}" for name in plots)


def is_here(name):
    """Tell whether a name can be used."""
    if name.endswith("=)"):
        call, argument = name[:-2].split("(")
        function = wandb.init if call == "init" else wandb.Run.define_metric
        return argument in inspect.signature(function).parameters
    first, _, rest = name.partition(".")
    if not rest:
        return hasattr(wandb, first)
    thing = THINGS[first]()
    return hasattr(type(thing), rest) or hasattr(thing, rest)


@cache
def a_run():
    """Return a run that records nothing."""
    return wandb.init(mode="disabled")


THINGS = {
    "run": a_run,
    "Artifact": lambda: wandb.Artifact("name", type="kind"),
    "Table": wandb.Table,
    "plot": lambda: wandb.plot,
}


if __name__ == "__main__":
    given = sys.stdin.read()
    print(json.dumps([n for n in json.loads(given) if is_here(n)] if given else list(names())))
