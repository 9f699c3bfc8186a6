"""Linear algebra in one thread: others train on this machine.

Threads that wait for each other take many times as long where the cores are busy.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any


@contextmanager
def one_thread() -> Iterator[None]:
    """Use one thread for linear algebra; a context, and a decorator."""
    with _controller().limit(limits=1, user_api="blas"):
        yield


@cache
def _controller() -> Any:
    import numpy as np  # noqa: F401, PLC0415  each brings a library of its own, which must be there
    import scipy.linalg  # noqa: F401, PLC0415
    from threadpoolctl import ThreadpoolController  # noqa: PLC0415

    return ThreadpoolController()
