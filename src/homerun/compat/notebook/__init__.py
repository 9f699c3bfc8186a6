"""What a notebook shows of homerun: tables of runs, and an agent at work."""

from typing import TYPE_CHECKING

from homerun import lazy

if TYPE_CHECKING:
    from homerun.compat.notebook.frames import show_frames as show_frames
    from homerun.compat.notebook.progress import in_notebook as in_notebook
    from homerun.compat.notebook.progress import showing as showing

lazy.attach(__name__, {"frames": "show_frames", "progress": "in_notebook showing"})
