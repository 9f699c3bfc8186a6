"""Agents: they take runs from a sweep, start each under a supervisor, and see to its end."""

from typing import TYPE_CHECKING

from homerun import lazy

if TYPE_CHECKING:
    from homerun.agent.advice import recommended as recommended
    from homerun.agent.changes import Changed as Changed
    from homerun.agent.changes import change_sweep as change_sweep
    from homerun.agent.changes import clone_sweep as clone_sweep
    from homerun.agent.events import Done as Done
    from homerun.agent.events import Ended as Ended
    from homerun.agent.events import Event as Event
    from homerun.agent.events import Outcome as Outcome
    from homerun.agent.events import Progress as Progress
    from homerun.agent.events import Remark as Remark
    from homerun.agent.events import Started as Started
    from homerun.agent.events import Stopping as Stopping
    from homerun.agent.events import Trouble as Trouble
    from homerun.agent.events import Waiting as Waiting
    from homerun.agent.functions import work_function as work_function
    from homerun.agent.learning import Learned as Learned
    from homerun.agent.learning import learn as learn
    from homerun.agent.learning import learn_by_hand as learn_by_hand
    from homerun.agent.learning import learned_start as learned_start
    from homerun.agent.lending import Pythons as Pythons
    from homerun.agent.lending import choice_for as choice_for
    from homerun.agent.observing import observations as observations
    from homerun.agent.observing import resolve_priors as resolve_priors
    from homerun.agent.pausing import pause as pause
    from homerun.agent.pausing import resume as resume
    from homerun.agent.promoting import Mapped as Mapped
    from homerun.agent.promoting import Promoted as Promoted
    from homerun.agent.promoting import promote as promote
    from homerun.agent.pythons import UV as UV
    from homerun.agent.serving import Wishes as Wishes
    from homerun.agent.serving import work_folder as work_folder
    from homerun.agent.serving import work_home as work_home
    from homerun.agent.serving import work_sweep as work_sweep
    from homerun.agent.single import run_command as run_command
    from homerun.agent.stand_in import wandb_env as wandb_env
    from homerun.agent.stopping import kill as kill
    from homerun.agent.sweeps import create_sweep as create_sweep
    from homerun.agent.sweeps import needs_function as needs_function
    from homerun.agent.tally import Best as Best
    from homerun.agent.tally import Tally as Tally
    from homerun.agent.tally import best_so_far as best_so_far
    from homerun.agent.tally import tally_of as tally_of

lazy.attach(  # a supervisor loads no more than it needs
    __name__,
    {
        "advice": "recommended",
        "changes": "Changed change_sweep clone_sweep",
        "events": "Done Ended Event Outcome Progress Remark Started Stopping Trouble Waiting",
        "functions": "work_function",
        "learning": "Learned learn learn_by_hand learned_start",
        "lending": "Pythons choice_for",
        "observing": "observations resolve_priors",
        "pausing": "pause resume",
        "promoting": "Mapped Promoted promote",
        "pythons": "UV",
        "serving": "Wishes work_folder work_home work_sweep",
        "single": "run_command",
        "stand_in": "wandb_env",
        "stopping": "kill",
        "sweeps": "create_sweep needs_function",
        "tally": "Best Tally best_so_far tally_of",
    },
)
lazy.make_callable(__name__, "homerun.compat.launch:agent")  # homerun.agent(sweep_id, function)
