"""W&B's public Api on the home: runs, sweeps, projects, files and artifacts, read and edited."""

from typing import TYPE_CHECKING

from homerun import lazy

if TYPE_CHECKING:
    from homerun.compat.api.client import Api as Api
    from homerun.compat.api.errors import CommError as CommError
    from homerun.compat.api.files import File as File
    from homerun.compat.api.files import Files as Files
    from homerun.compat.api.place import User as User
    from homerun.compat.api.projects import Project as Project
    from homerun.compat.api.projects import Projects as Projects
    from homerun.compat.api.run import Run as Run
    from homerun.compat.api.run_facts import HTTPSummary as HTTPSummary
    from homerun.compat.api.runs import Runs as Runs
    from homerun.compat.api.sweeps import Sweep as Sweep
    from homerun.compat.api.sweeps import Sweeps as Sweeps

lazy.attach(
    __name__,
    {
        "client": "Api",
        "errors": "CommError",
        "files": "File Files",
        "place": "User",
        "projects": "Project Projects",
        "run": "Run",
        "run_facts": "HTTPSummary",
        "runs": "Runs",
        "sweeps": "Sweep Sweeps",
    },
)
