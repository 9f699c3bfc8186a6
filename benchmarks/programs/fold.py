"""Bring the journals of dead runs into the database and print the CPU seconds it took."""

import time

from homerun.store import Store, settle

with Store() as store:
    start = time.process_time()
    settle(store)
    print(time.process_time() - start)
