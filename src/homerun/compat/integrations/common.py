"""What the callbacks of several libraries do."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import homerun as hr


def need_run(what: str) -> "hr.Run":
    """Return the current run; raise UsageError when init was not called."""
    if hr.run is None:
        raise hr.UsageError(f"You must call homerun.init() before {what}")
    return hr.run


def log_importance(pairs: Iterable[tuple[Any, Any]]) -> None:
    """Add a bar chart of (feature, importance) to the current row."""
    data = [[str(feature), float(importance)] for feature, importance in pairs]
    table = hr.Table(data=data, columns=["Feature", "Importance"])
    chart = hr.plot.bar(table, "Feature", "Importance", title="Feature Importance")
    need_run("log_importance()").log({"Feature Importance": chart}, commit=False)


def keep_model(name: str, path: str | os.PathLike[str], aliases: Iterable[str] = ()) -> None:
    """Keep a model's file or folder as an artifact of the current run."""
    artifact = hr.Artifact(name, type="model")
    add = artifact.add_dir if Path(path).is_dir() else artifact.add_file
    add(str(path))
    need_run("keep_model()").log_artifact(artifact, aliases=list(aliases))
