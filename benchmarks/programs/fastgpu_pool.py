"""Run the scripts of this folder's to_run/ with fastgpu, without GPUs: `fastgpu_pool.py SLOTS`.

fastgpu 1.0.1 uses names that its dependency no longer brings; here they are put into its module.
"""

import copy
import subprocess
import sys
import threading
import time
import uuid

from fastgpu import core

NAMES = {
    "copy": copy.copy,
    "sleep": time.sleep,
    "subprocess": subprocess,
    "Thread": threading.Thread,
    "uuid4": uuid.uuid4,
}
vars(core).update({name: value for name, value in NAMES.items() if not hasattr(core, name)})

core.FixedWorkerPool(list(range(int(sys.argv[1]))), ".").poll_scripts()
