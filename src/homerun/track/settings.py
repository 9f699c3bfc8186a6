"""What a program asks of init: its arguments, then Settings, then HOMERUN_* and WANDB_* names."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from homerun.core import UsageError
from homerun.track.terminal import is_true, termwarn

MODES = ("online", "offline", "shared", "disabled")
_OLD_MODES = {"dryrun": "offline", "run": "online"}
_RESUME = ("allow", "must", "never", "auto")
_REINIT = ("default", "return_previous", "finish_previous", "create_new")
_NO_PROJECT = "/\\#?%:"  # characters W&B does not allow in a project's name
_IN_SETTINGS = {  # argument of init: its name in Settings
    "id": "run_id",
    "name": "run_name",
    "notes": "run_notes",
    "tags": "run_tags",
    "group": "run_group",
    "job_type": "run_job_type",
}
_IN_ENVIRONMENT = {  # argument of init: its name after HOMERUN_ or WANDB_
    "id": "RUN_ID",
    "group": "RUN_GROUP",
}


class Settings(SimpleNamespace):
    """Options by W&B's names; any name is accepted, those that mean nothing here do nothing."""

    def get(self, name: str, default: Any = None) -> Any:
        """Return an option, or the default when it was not given."""
        return vars(self).get(name, default)


def settings_from(settings: "Settings | Mapping[str, Any] | None") -> Settings:
    """Return what `init(settings=...)` was given as Settings."""
    if settings is None:
        return Settings()
    return Settings(**(settings if isinstance(settings, Mapping) else vars(settings)))


class Request:
    """What a program asks of init, after looking in every place where it may say so."""

    def __init__(self, arguments: Mapping[str, Any], settings: Settings) -> None:
        self._arguments = arguments
        self.settings = settings
        self.id: str | None = self._text("id")
        self.project: str | None = self._text("project")
        self._may_choose_project = False
        self.is_assigned = self._take_assignment()
        self.sweep_id = self._find("sweep_id") or None
        self.entity = self._text("entity") or ""
        self.name = self._text("name")
        self.notes = self._text("notes")
        self.group = self._text("group")
        self.job_type = self._text("job_type")
        self.tags = _tags(self._find("tags"))
        self.mode = _mode(self._find("mode"))
        self.resume = _resume(self._find("resume"))
        self.reinit = _reinit(self._find("reinit"))
        self.save_code = _switch(self._find("save_code"))
        self.allow_val_change = _switch(self._find("allow_val_change"))

    @property
    def labels(self) -> dict[str, Any]:
        """Name, notes, tags, group and job_type: those that were given.

        The project too, where the run was made for this program and nobody had named one.
        """
        labels = {
            "project": self.project if self._may_choose_project else None,
            "name": self.name,
            "notes": self.notes,
            "tags": self.tags,
            "group": self.group,
            "job_type": self.job_type,
        }
        return {name: value for name, value in labels.items() if value is not None}

    def option(self, name: str) -> Any:
        """Return an option of Settings, or of WANDB_NAME in the environment, or None."""
        return self.settings.get(name, env(name.upper()))

    def flag(self, *names: str) -> bool:
        """Tell whether one of several switches is on."""
        return any(_switch(self.option(name)) for name in names)

    def _find(self, argument: str) -> Any:
        if self._arguments.get(argument) is not None:
            return self._arguments[argument]
        value = self.settings.get(_IN_SETTINGS.get(argument, argument))
        if value is not None:
            return value
        return env(_IN_ENVIRONMENT.get(argument, argument.upper()))

    def _text(self, argument: str) -> str | None:
        value = self._find(argument)
        return None if value is None else str(value)

    def _take_assignment(self) -> bool:
        """Use the run that an agent gave to this program, whatever else was asked for."""
        run_id = os.environ.get("HOMERUN_RUN_ID")
        if not run_id and os.environ.get("WANDB_SWEEP_ID"):
            run_id = os.environ.get("WANDB_RUN_ID")
        if not run_id:
            return False
        project = env("PROJECT")
        for what, asked, given in (
            ("id", self.id, run_id),
            ("project", self.project, project),
        ):
            if asked and given and asked != given:
                termwarn(
                    f"init({what}={asked!r}) is ignored: this program was started for run {run_id}"
                    + (f" of project {given!r}" if what == "project" else ""),
                    repeat=False,
                )
        self._may_choose_project = not project and not os.environ.get("WANDB_SWEEP_ID")
        self.id = run_id
        self.project = project or self.project
        return True


def default_project(cwd: Path) -> str:
    """Return the name of the git checkout or folder that the program works in."""
    root = next((path for path in (cwd, *cwd.parents) if (path / ".git").exists()), cwd)
    return "".join("-" if letter in _NO_PROJECT else letter for letter in root.name) or "home"


def check_project(project: str) -> str:
    """Return the name if a project can have it."""
    if any(letter in _NO_PROJECT for letter in project) or not 0 < len(project) <= 128:
        raise UsageError(
            f"project {project!r} cannot be used; use 1 to 128 characters other than "
            f"{' '.join(_NO_PROJECT)}"
        )
    return project


def env(name: str) -> str | None:
    """Return a setting of the environment, by our name or by W&B's; None where it is empty."""
    return os.environ.get(f"HOMERUN_{name}") or os.environ.get(f"WANDB_{name}") or None


def _switch(value: Any) -> bool:
    return is_true(value) if isinstance(value, str) else bool(value)


def _tags(tags: str | Iterable[str] | None) -> tuple[str, ...] | None:
    if tags is None:
        return None
    names = tags.split(",") if isinstance(tags, str) else map(str, tags)
    return tuple(dict.fromkeys(name.strip() for name in names if name.strip()))


def _mode(mode: Any) -> str:
    mode = _OLD_MODES.get(mode, mode) or "online"
    if mode not in MODES:
        raise UsageError(f"mode {mode!r} is unknown; use one of {', '.join(MODES)}")
    return str(mode)


def _resume(resume: Any) -> str | None:
    if isinstance(resume, str) and resume.lower() in {"true", "false"}:
        resume = is_true(resume)
    if resume in {None, False, ""}:
        return None
    if resume is True:
        return "auto"
    if resume not in _RESUME:
        raise UsageError(f"resume {resume!r} is unknown; use one of {', '.join(_RESUME)}, True")
    return str(resume)


def _reinit(reinit: Any) -> str:
    if isinstance(reinit, str) and reinit.lower() in {"true", "false"}:
        reinit = is_true(reinit)
    if isinstance(reinit, bool):
        return "finish_previous" if reinit else "return_previous"
    if reinit is not None and reinit not in _REINIT:
        raise UsageError(f"reinit {reinit!r} is unknown; use one of {', '.join(_REINIT)}, True")
    return reinit or "default"
