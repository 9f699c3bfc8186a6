"""homerun in the place of wandb, for programs that say `import wandb`.

Programs that homerun starts find this package before any other of its name. Its names are those of
`homerun`; the submodules are in `_modules`.
"""

import sys

__version__ = "0.31.0+homerun"

try:
    import homerun as _homerun  # noqa: F401 - tells whether this Python has it
except ModuleNotFoundError as error:
    if error.name != "homerun":
        raise
    # A Python without homerun: its programs get the wandb that they would have got anyway.
    from os.path import abspath, dirname

    _folder = dirname(dirname(abspath(__file__)))  # noqa: PTH100, PTH120
    sys.path[:] = [entry for entry in sys.path if abspath(entry) != _folder]  # noqa: PTH100
    del sys.modules[__name__]
    try:
        import wandb  # noqa: F401
    except ModuleNotFoundError as missing:
        if missing.name != "wandb":
            raise
        _why = f"homerun is not installed for {sys.executable}; install it there"
        if sys.version_info < (3, 11):  # noqa: UP036 - the Python of a program may be older
            _why = f"homerun needs Python 3.11, {sys.executable} is older; use a later one"
        raise ModuleNotFoundError(
            f"No module named 'wandb': {_why}, or set HOMERUN_WANDB=off",
            name="wandb",
        ) from None
else:
    from ._modules import install

    install(sys.modules[__name__])
