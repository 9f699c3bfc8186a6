# other: what programs ask of the module before they use it
# calls: run, __version__
import importlib.util
from importlib import metadata

import wandb

print(hasattr(wandb, "run"), wandb.run, wandb.__version__.split(".")[0].isdigit())
print(importlib.util.find_spec("wandb") is not None, metadata.version("wandb") == wandb.__version__)
print(hasattr(wandb, "Image"), hasattr(wandb, "no_such_name"))
