"""Take runs from a sweep until there are none: `claim.py SWEEP`; print the ids and both times."""

import json
import os
import sys
import time
from pathlib import Path

from homerun.store import Store

with Store() as store:
    Path(f"ready-{os.getpid()}").touch()
    while not Path("go").exists():
        time.sleep(0.001)
    start = time.monotonic()
    ids = []
    while run := store.claim(sys.argv[1], agent=f"agent-{os.getpid()}"):
        ids.append(run.id)
    print(json.dumps({"ids": ids, "start": start, "end": time.monotonic()}))
