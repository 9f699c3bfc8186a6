"""Moments in which no other thread may fork, because the child would inherit a half-done thing.

A process being started has pipes whose end somebody waits for; an import holds the module's lock.
"""

import os
import threading

no_fork = threading.Lock()  # held by background threads, for milliseconds
os.register_at_fork(
    before=no_fork.acquire, after_in_parent=no_fork.release, after_in_child=no_fork.release
)
