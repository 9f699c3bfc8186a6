"""The scripts of a folder, for an agent; each is a tracked run."""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from homerun.agent.events import Done, Outcome, Progress, Waiting
from homerun.agent.order import Order
from homerun.agent.orders import has_alone, run_env
from homerun.agent.room import Need, Place, RoomPlan
from homerun.agent.scripts import TO_RUN, ScriptFolder, exit_text, script_env
from homerun.core import ALIVE, End, NotFoundError, Run, RunState, new_id
from homerun.store import Store, add_script, end_of


class FolderWork:
    """Scripts move from to_run/ to running/ as they start, to complete/ or fail/ as they end."""

    def __init__(
        self,
        store: Store,
        path: Path,
        plan: RoomPlan,
        *,
        project: str,
        exits: bool,
        python: Mapping[str, str],
    ) -> None:
        """Take the folder into our hands; `exits`: come to an end when no script is left.

        python: variables with which scripts find their Python.
        """
        self._store = store
        self._plan = plan
        self._project = project
        self._exits = exits
        self._python = python
        self._folder = ScriptFolder(path)
        self._cwd = os.getcwd()  # noqa: PTH109  as with fastgpu, where it was started
        self._done = self._failed = 0
        self._alone: dict[str, str] = {}  # scripts that ran out of memory: what they get alone
        self._on_gpus: dict[str, tuple[int, ...]] = {}  # by run: places of its GPUs in the list

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.close()

    @property
    def serves(self) -> str:
        """Path of the folder."""
        return str(self._folder.path)

    @property
    def is_open(self) -> bool:
        """Whether scripts wait."""
        return bool(self._folder.waiting())

    def heads(self) -> list[Run]:
        """Return the next script in sorted order, as a run that is not recorded yet."""
        return [
            Run(
                id=new_id(),
                number=0,
                project=self._project,
                name=name,
                state=RunState.PENDING,
                alone=self._alone.get(name, ""),
            )
            for name in self._folder.waiting()[:1]
        ]

    def need(self, run: Run) -> Need:
        """Return what a script needs: GPUs that no living fastgpu has in this folder."""
        need = self._plan.need
        taken = [
            gpu.id
            for index, gpu in enumerate(self._plan.gpus)
            if self._folder.locks.holder(index) is not None
        ]
        return Need(
            gpus=need.gpus,
            memory_mib=None if run.alone else need.memory_mib,
            at_most=1 if run.alone else need.at_most,
            avoid=frozenset(taken),
        )

    def claim(self, run: Run, *, agent: str) -> Run | None:
        """Move a script to running/ and record its run."""
        name = self._folder.begin(run.name, run.id)
        if name is None:
            return None
        return add_script(
            self._store,
            run.id,
            self._folder.script(name),
            project=self._project,
            cwd=self._cwd,
            agent=agent,
            alone=self._alone.pop(run.name, ""),
        )

    def order(self, run: Run, place: Place) -> Order:
        """Return the order to start a script, as fastgpu would."""
        self._store.folder(run.id).make()
        ids = [gpu.id for gpu in self._plan.gpus]
        numbers = tuple(ids.index(device) for device in place.devices)
        for number in numbers:
            self._folder.locks.take(number, os.getpid())
        self._on_gpus[run.id] = numbers
        stdout, stderr = self._folder.outputs(Path(run.source).name)
        first = numbers[0] if numbers else place.index
        return Order(
            home=str(self._store.home),
            run_id=run.id,
            argv=[run.source],
            cwd=self._cwd,
            env={
                **self._python,
                **run_env(self._store.home, run, {**os.environ, **self._python}),
                **script_env(first),
                **place.env,
            },
            stdout=str(stdout),
            stderr=str(stderr),
            devices=",".join(place.devices),
            alone=has_alone(run, place),
        )

    def fill(self, free: int) -> str:  # noqa: ARG002
        """Put right what others left half done; there is no search that could fail."""
        self.refresh()
        return ""

    def alive(self) -> list[Run]:
        """Return the runs of its scripts that go on."""
        inside = str(self._folder.script(""))
        return [run for run in self._store.runs(states=ALIVE) if run.source.startswith(inside)]

    def are_silent_about(self, ends: Iterable[End]) -> bool:  # noqa: ARG002
        """Tell that no end keeps further scripts from starting."""
        return True

    def judge(self, ended: Sequence[tuple[Run, End]]) -> None:
        """Move the scripts that have ended to where they belong."""
        for run, end in ended:
            self._done += 1
            self._failed += end.state != RunState.FINISHED
            if end.needs_alone:
                name = self._folder.put_back(Path(run.source).name)
                if name is not None:
                    self._alone[name] = end.needs_alone
                self._vacate(run)
            else:
                self._conclude(run, end)

    def refresh(self) -> None:
        """Conclude what has ended, and put back what never began, whoever left it so."""
        for name in self._folder.stuck():
            run = self._run_of(name)
            if run is not None and run.state in ALIVE:
                continue
            if run is not None and run.is_ended:
                self._conclude(run, end_of(self._store.folder(run.id), run))
                continue
            if run is not None:
                self._store.delete([run.id])  # its program never started
            self._folder.put_back(name)

    def idle(self, ours: int) -> Done | Waiting | None:
        """Say why there is no script to run."""
        if self._folder.waiting() or ours:
            return None
        if self._exits and not self.alive():
            nothing = "" if self._done else f"there is no script in {self._folder.path / TO_RUN}"
            return Done(outcome=Outcome.COMPLETE, reason=nothing)
        return Waiting(reason=f"{self._folder.path / TO_RUN} is empty; Ctrl-C ends this")

    def progress(self, elapsed_s: Iterable[float]) -> Progress:
        """Return how far it is."""
        running = len(list(elapsed_s))
        return Progress(
            done=self._done,
            planned=self._done + running + len(self._folder.waiting()),
            running=running,
            failed=self._failed,
            eta_s=None,
        )

    def _run_of(self, name: str) -> Run | None:
        """Return the run of a script that was begun, None when it came to nothing."""
        with suppress(NotFoundError):
            return self._store.run(self._folder.run_of(name) or "")
        return None

    def _conclude(self, run: Run, end: End) -> None:
        self._folder.finish(
            Path(run.source).name, exit_text=exit_text(end), ok=end.state == RunState.FINISHED
        )
        self._vacate(run)

    def _vacate(self, run: Run) -> None:
        """Take back the lock files of GPUs on which no script of ours is any more."""
        gone = self._on_gpus.pop(run.id, ())
        still = {number for numbers in self._on_gpus.values() for number in numbers}
        for number in set(gone) - still:
            self._folder.locks.release(number)
