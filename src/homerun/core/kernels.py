"""Whether this process is a notebook's; nothing is imported to find out."""

import sys
from typing import Any


def ipython() -> Any:
    """Return the shell of IPython that runs this program, None without one."""
    module = sys.modules.get("IPython")
    return None if module is None else module.get_ipython()


def kernel() -> Any:
    """Return the kernel of a notebook that this process is, None in a terminal."""
    return getattr(ipython(), "kernel", None)
