"""Queue COUNT pending runs of a new sweep and print its id: `propose.py COUNT`."""

import json
import sys

from homerun.store import Store

with Store() as store:
    sweep = store.add_sweep({"method": "grid"}, project="bench")
    store.propose(sweep, [({"i": i}, 0) for i in range(int(sys.argv[1]))], cursor=1)
    print(json.dumps(sweep.id))
