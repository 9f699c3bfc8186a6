"""A sweep file or dictionary, checked key by key, becomes a Sweep.

The keys and rules are those of W&B's schema (https://github.com/wandb/sweeps, config/schema.json),
plus the one key `homerun:`. The first thing that is wrong is refused with its place.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, get_args

from homerun.core import Goal, SpecError
from homerun.spec.command import check_command
from homerun.spec.early import Asha, Hyperband, Median, above_one
from homerun.spec.grid import check_grid
from homerun.spec.parameters import Parameter, number, parse_parameters
from homerun.spec.place import Place, nearest, one_of, shown, whole
from homerun.spec.reader import plain, read
from homerun.spec.settings import Settings, parse_settings
from homerun.spec.sweep import (
    DEFAULT_COMMAND,
    Impute,
    ImputeRunning,
    Method,
    Metric,
    Scheduler,
    Sweep,
)

_TEXTS = ("program", "name", "description", "entity", "project", "job", "image_uri", "apiVersion")
_KEYS = (
    *("method", "parameters", "metric", "metrics", "program", "command", "name", "description"),
    *("entity", "project", "run_cap", "early_terminate", "controller", "scheduler", "job"),
    *("image_uri", "apiVersion", "kind", "homerun"),
)
_METRIC_KEYS = ("name", "goal", "target", "impute", "impute_while_running")
_HYPERBAND_KEYS = ("type", "min_iter", "max_iter", "s", "eta", "strict")
_SCHEDULER_KEYS = ("engine", "source", "optimizer", "search_space")
_ENGINES: dict[str, tuple[str, ...]] = {
    "optuna": ("custom",),
    "ax": ("custom",),
    "wandb": ("grid", "random", "bayes"),
}
_NOTES = {
    "job": "is kept and not used: homerun starts program: or command: itself",
    "image_uri": "is kept and not used: homerun starts no containers",
    "entity": "is kept as a label: everything lies in your own home",
    "apiVersion": "is kept and has no effect",
    "kind": "is kept and has no effect",
    "controller": "is kept and has no effect: the search runs on this machine, as with local",
}


def load(path: str | Path) -> Sweep:
    """Read a sweep file in YAML or JSON."""
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecError(
            f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8"
        ) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SpecError(
            f"{path}: cannot be read: {reason}; give the path of a sweep file"
        ) from None
    return parse(text, source=str(path))


def parse(text: str, *, source: str = "sweep") -> Sweep:
    """Return the sweep that a YAML or JSON text describes; `source` names it in messages."""
    root = read(text, source)
    return _sweep(root.plain(), Place(source, root))


def from_dict(mapping: Mapping[str, Any], *, source: str = "sweep") -> Sweep:
    """Return the sweep that a dictionary describes, such as the `spec` of another sweep."""
    return _sweep(plain(mapping, source), Place(source))


def _sweep(raw: Any, place: Place) -> Sweep:
    _check_keys(raw, place, _KEYS, "a sweep")
    if "method" not in raw:
        raise place.error(f"has no method:; use one of {', '.join(get_args(Method))}")
    method = one_of(raw["method"], get_args(Method), place.at("method"))
    notes = [place.at(key).note(text) for key, text in _NOTES.items() if key in raw]
    texts = {key: _text(raw[key], place.at(key)) for key in _TEXTS if key in raw}
    if "kind" in raw:
        one_of(raw["kind"], ("sweep",), place.at("kind"))
    scheduler = _scheduler(raw, place, method)
    parameters: tuple[Parameter, ...] = ()
    if "parameters" in raw:
        parameters = parse_parameters(raw["parameters"], place.at("parameters"), notes)
        _check_names(parameters, place.at("parameters"))
    elif scheduler is None or scheduler.search_space is None:
        raise place.error(
            "has no parameters:; name at least one, such as `lr: {values: [0.1, 0.01]}`"
        )
    if method == "grid":
        check_grid(parameters, place.at("parameters"))
    metric, metrics = _metrics(raw, place, method)
    settings = Settings()
    if "homerun" in raw:
        settings = parse_settings(raw["homerun"], place.at("homerun"), parameters, method, notes)
    if settings.stop_when_settled and metric is None:
        here = place.at("homerun", "stop_when_settled")
        raise here.error("needs metric: the value that could settle")
    if settings.early_terminate is not None:
        here = place.at("homerun", "early_terminate")
        _check_rule(
            settings.early_terminate, here, raw, metric, notes, {p.name for p in parameters}
        )
    return Sweep(
        method=method,
        parameters=parameters,
        program=texts.get("program"),
        command=check_command(raw.get("command", []), place.at("command"), notes)
        or DEFAULT_COMMAND,
        name=texts.get("name"),
        description=texts.get("description"),
        entity=texts.get("entity"),
        project=texts.get("project"),
        metric=metric,
        metrics=metrics,
        run_cap=whole(raw["run_cap"], place.at("run_cap"), fewest=1) if "run_cap" in raw else None,
        early_terminate=_early_terminate(raw, place, metric, notes),
        scheduler=scheduler,
        settings=settings,
        notes=tuple(notes),
        spec=raw,
        source=place.source,
    )


def _check_keys(raw: Any, place: Place, keys: tuple[str, ...], what: str) -> None:
    if not isinstance(raw, dict):
        raise place.error(f"is {shown(raw)}; {what} needs keys such as {keys[0]}:")
    for key in raw:
        if key not in keys:
            raise place.at(key).error(f"is unknown; use {', '.join(keys)}{nearest(key, keys)}")


def _text(value: object, place: Place) -> str:
    if isinstance(value, str) and value.strip():
        return value
    if value is None or value == "":
        raise place.error("is empty; give a text or remove the line")
    hint = "; put it in quotes" if isinstance(value, int | float) else ""
    raise place.error(f"must be text, not {shown(value)}{hint}")


def _check_names(parameters: tuple[Parameter, ...], place: Place) -> None:
    """Refuse two parameters with one dotted name: DataFrames could not tell them apart."""
    names: set[str] = set()
    for p in parameters:
        if p.name in names:
            raise place.error(f"two parameters are called {p.name}; rename one")
        names.add(p.name)


def _metrics(
    raw: dict[str, Any], place: Place, method: str
) -> tuple[Metric | None, tuple[Metric, ...]]:
    if "metric" in raw and "metrics" in raw:
        raise place.at("metrics").error("does not go with metric:; use one of the two")
    if "metrics" in raw:
        here, listed = place.at("metrics"), raw["metrics"]
        if method != "custom":
            raise here.error("goes only with method: custom; use metric: for one goal")
        if not isinstance(listed, list) or len(listed) < 2:
            raise here.error("must list at least two metrics; use metric: for one goal")
        return None, tuple(_metric(one, here.at(i)) for i, one in enumerate(listed))
    if "metric" in raw:
        return _metric(raw["metric"], place.at("metric")), ()
    if method == "bayes":
        raise place.error("method bayes needs metric: the value to minimize or maximize")
    return None, ()


def _metric(raw: Any, place: Place) -> Metric:
    _check_keys(raw, place, _METRIC_KEYS, "a metric")
    if "name" not in raw:
        raise place.error("has no name: the key your program logs")
    running = raw.get("impute_while_running", "false")
    return Metric(
        name=_text(raw["name"], place.at("name")),
        goal=one_of(raw.get("goal", "minimize"), get_args(Goal), place.at("goal")),
        target=number(raw["target"], place.at("target")) if "target" in raw else None,
        impute=one_of(raw.get("impute", "worst"), get_args(Impute), place.at("impute")),
        impute_while_running=one_of(
            "false" if running is False else running,
            get_args(ImputeRunning),
            place.at("impute_while_running"),
        ),
    )


def _early_terminate(
    raw: dict[str, Any], place: Place, metric: Metric | None, notes: list[str]
) -> Hyperband | None:
    if "early_terminate" not in raw:
        return None
    rule, here = raw["early_terminate"], place.at("early_terminate")
    if "scheduler" in raw:
        raise here.error("does not go with scheduler:; remove one of them")
    _check_keys(rule, here, _HYPERBAND_KEYS, "early_terminate")
    if rule.get("type") in ("median", "asha"):
        raise here.at("type").error(
            f"{rule['type']!r} is unknown; use hyperband, or write it below homerun: "
            "early_terminate:, where W&B does not look"
        )
    one_of(rule.get("type"), ("hyperband",), here.at("type"))
    if metric is None:
        raise here.error("needs metric: the value that decides which runs go on")
    if "min_iter" not in rule and not ("max_iter" in rule and "s" in rule):
        raise here.error("hyperband needs min_iter, or both max_iter and s")
    if "max_iter" in rule and "s" not in rule:
        raise here.at("max_iter").error("needs s: the number of bands below it")
    eta = above_one(rule.get("eta", 3), here.at("eta"))
    strict = rule.get("strict", True)
    if not isinstance(strict, bool):
        raise here.at("strict").error(f"must be true or false, not {shown(strict)}")
    count = number(rule["s"], here.at("s")) if "s" in rule else None
    if count is not None and count < 1:
        raise here.at("s").error(f"must be at least 1, not {count}")
    iterations = {
        key: whole(rule[key], here.at(key), fewest=1)
        for key in ("min_iter", "max_iter")
        if key in rule
    }
    if iterations.get("max_iter", eta) < eta:
        notes.append(here.note("has no band: max_iter / eta is below 1, so no run is stopped"))
    return Hyperband(**iterations, s=count, eta=eta, strict=strict)


def _check_rule(
    rule: Median | Asha,
    place: Place,
    raw: dict[str, Any],
    metric: Metric | None,
    notes: list[str],
    names: Collection[str],
) -> None:
    """Check a rule of our own against the rest of the file; `names` of its parameters."""
    if "early_terminate" in raw:
        raise place.error("does not go with W&B's early_terminate:; remove one of them")
    if metric is None:
        raise place.error("needs metric: the value that decides which runs go on")
    if isinstance(rule.budget, str) and rule.budget not in names:
        notes.append(
            place.at("budget").note(
                f"{rule.budget} is no parameter; where the program's own configuration lacks it, "
                "the length of a run is learned from finished ones"
            )
        )


def _scheduler(raw: dict[str, Any], place: Place, method: str) -> Scheduler | None:
    controller = raw.get("controller")
    if "controller" in raw:
        here = place.at("controller")
        if not isinstance(controller, dict) or "type" not in controller:
            raise here.error(f"is {shown(controller)}; write `controller: {{type: local}}`")
        one_of(controller["type"], ("cloud", "local"), here.at("type"))
    if "scheduler" not in raw:
        return None
    chosen, here = raw["scheduler"], place.at("scheduler")
    _check_keys(chosen, here, _SCHEDULER_KEYS, "scheduler")
    if controller is not None and controller["type"] == "local":
        raise here.error("does not go with controller type local; remove one of them")
    engine = one_of(chosen.get("engine"), tuple(_ENGINES), here.at("engine"))
    if method not in _ENGINES[engine]:
        raise here.at("engine").error(
            f"{engine} goes with method {' or '.join(_ENGINES[engine])}, not {method}"
        )
    functions = {
        key: _text(chosen[key], here.at(key)) for key in _SCHEDULER_KEYS[1:] if key in chosen
    }
    if functions and "source" not in functions:
        raise here.error("needs source: the file with the functions it names")
    return Scheduler(engine=engine, **functions)  # type: ignore[arg-type]
