"""The command line: `homerun`."""

from homerun.cli.entry import app, execute, main

__all__ = ["app", "execute", "main"]
