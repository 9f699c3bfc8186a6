"""What each column of a table of runs is: a parameter, a repeat, a result, or of no interest."""

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from homerun.core import UsageError

if TYPE_CHECKING:
    from pandas import DataFrame, Series

# What a homerun table or a W&B export says of the run itself.
_OF_THE_RUN = frozenset(
    "id number name state reason project sweep group job_type tags notes attempt created_at "
    "started_at ended_at runtime_s exit_code user_cpu_s system_cpu_s memory_max_mib "
    "gpu_memory_max_gib energy_wh cpu_energy_wh is_shared out_of_memory suggestion censored "
    "promoted_from devices user created runtime run run_id run_name timestamp host hostname python "
    "git.branch git.dirty _step _runtime _timestamp _wandb num_params num_trainable "
    "param_count".split()
)
_REPEATS = frozenset(
    "seed random_seed random_state rng rng_seed manual_seed repeat repeats repetition replicate "
    "replica rep fold cv_fold kfold num_experiments".split()
)
_BLOCKS = frozenset(
    "dataset data_set dataset_name split data_split task git.commit git_commit commit "
    "code_version program".split()
)
_RESULT_WORDS = frozenset(
    "loss acc accuracy error err f1 precision recall auc auroc auprc map score rmse mse mae nll "
    "perplexity ppl bleu rouge iou dice r2 top1 top5 reward return wer cer time seconds runtime "
    "duration timestamp hours elapsed throughput latency memory mem flops kwh energy watts".split()
)
_PROGRESS = frozenset("epoch step global_step iteration".split())
_OF_SETTINGS = re.compile(
    r"(weight|coef|scale|smoothing|alpha|beta|fn|function|name|type|kind|threshold|rate|factor)$"
)


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The columns of a table by what they are."""

    parameters: tuple[str, ...]
    repeats: tuple[str, ...]
    blocks: tuple[str, ...]  # data set, split, code version: within one of them runs compare
    results: tuple[str, ...]  # measured, like the metric
    guessed: bool  # the parameters were neither given nor known from where the table comes


def plain_table(df: "DataFrame") -> "DataFrame":
    """Return a table whose columns have texts as names; UsageError for what is no clear table."""
    if not isinstance(df, pd.DataFrame):
        room, name = type(df).__module__.partition(".")[0], type(df).__name__
        found = name if room in {"builtins", "pandas"} else f"{room}.{name}"
        hint = ": hand in .to_pandas()" if hasattr(df, "to_pandas") else ""
        raise UsageError(f"this needs a pandas DataFrame, one row a run; got {found}{hint}")
    if df.columns.nlevels > 1:
        raise UsageError(
            f"the table's columns have {df.columns.nlevels} levels; make them one, for instance by"
            " df.columns = ['.'.join(map(str, c)) for c in df.columns]"
        )
    names = [str(name) for name in df.columns]
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise UsageError(f"the table has more than one column {', '.join(twice)}; rename or drop")
    if names == df.columns.tolist():
        return df
    return df.set_axis(pd.Index(names, dtype=object), axis=1)


def classify(
    df: "DataFrame",
    *,
    metric: str | None,
    params: Iterable[str] | None = None,
    repeats: str | Iterable[str] | None = None,
) -> Columns:
    """Tell the parameters of a table from its repeats, results and the rest.

    Parameters are `params`, else the configuration columns of `homerun.runs()`, else what does not
    look like a result, a repeat, an identifier or a time.
    """
    known = [str(column) for column in df.columns]
    if metric is not None:
        require(df, metric)
    given_repeats = [repeats] if isinstance(repeats, str) else list(repeats or [])
    asked = None if params is None else [params] if isinstance(params, str) else list(params)
    for name in (*given_repeats, *(asked or [])):
        require(df, name)
    found_repeats = [name for name in known if _plain(name) in _REPEATS]
    repeat = given_repeats or [name for name in found_repeats if name not in (asked or ())]
    blocks = [name for name in known if _plain(name) in _BLOCKS and name != metric]
    of_config = df.attrs.get("config")
    if asked is not None:
        parameters = asked
    elif of_config:
        parameters = [name for name in known if name in set(of_config)]
    else:
        parameters = [name for name in known if _may_be_parameter(df, name)]
    left = {metric, *repeat}
    parameters = [name for name in dict.fromkeys(parameters) if name not in left]
    blocks = [name for name in blocks if name not in {*left, *(asked or ())}]
    taken = {*left, *parameters, *blocks}
    return Columns(
        parameters=tuple(name for name in parameters if name not in blocks),
        repeats=tuple(repeat),
        blocks=tuple(blocks),
        results=tuple(name for name in known if name not in taken and _is_measured(df, name)),
        guessed=asked is None and not of_config,
    )


def require(df: "DataFrame", name: str) -> None:
    """Raise UsageError for a column that the table does not have; names the nearest."""
    if name in df.columns:
        return
    known = [str(column) for column in df.columns]
    meant = {*df.attrs.get("config", ()), *df.attrs.get("summary", ())}  # rather than notes or tags
    telling = [column for column in known if column in meant] or known
    near = (
        difflib.get_close_matches(name, telling, n=3, cutoff=0.5)
        or difflib.get_close_matches(name, known, n=3, cutoff=0.7)
        or telling[:12]
    )
    raise UsageError(f"the table has no column {name!r}; there is {', '.join(near) or 'none'}")


def require_metric(df: "DataFrame", name: str) -> None:
    """Raise UsageError for a metric that the table does not have, or that has no numbers."""
    require(df, name)
    known = df[name].dropna()
    if len(known) and pd.to_numeric(known.astype(object), errors="coerce").isna().all():
        raise UsageError(f"metric {name!r} has no numbers; it has {known.iloc[0]!r}")


def require_goal(goal: str) -> None:
    """Raise UsageError for what is no goal."""
    if goal not in {"minimize", "maximize"}:
        raise UsageError(f"goal is {goal!r}; use minimize or maximize")


def find_column(df: "DataFrame", names: Sequence[str]) -> "Series | None":
    """Return the first column with one of these names, in any case."""
    by_name = {str(column).lower(): column for column in reversed(df.columns.tolist())}
    return next((df[by_name[name]] for name in names if name in by_name), None)


def is_number(column: "Series") -> bool:
    """Tell whether a column holds numbers; booleans are none."""
    if pd.api.types.is_bool_dtype(column.dtype):
        return False
    if pd.api.types.is_numeric_dtype(column.dtype):
        return True
    kinds = set(map(type, column.dropna())) if column.dtype == object else {str}
    return bool(kinds) and kinds <= {int, float}


def _may_be_parameter(df: "DataFrame", name: str) -> bool:
    column = df[name]
    plain = _plain(name)
    if plain in _REPEATS or name.lower().startswith(("system.", "unnamed:")):
        return False
    is_time = pd.api.types.is_datetime64_any_dtype(column.dtype)
    if is_time or name.lower() in _OF_THE_RUN or plain in _OF_THE_RUN:
        return False
    if is_number(column):
        return not _is_result(column, plain)
    present = column.dropna()
    all_differ = len(present) >= 8 and present.astype(str).nunique() > 0.9 * len(present)
    return not all_differ  # a name or a path


def _is_result(column: "Series", plain: str) -> bool:
    words = re.split(r"[^a-z0-9]+", plain)
    if plain in _PROGRESS or words[0] in {"best", "final", "last"}:
        return True
    if not _RESULT_WORDS.intersection(words):
        return False
    if _OF_SETTINGS.search(plain) and plain != "error_rate":
        return False
    numbers = pd.to_numeric(column, errors="coerce").dropna()
    return bool((numbers != numbers.round()).any()) or numbers.nunique() > 20


def _is_measured(df: "DataFrame", name: str) -> bool:
    plain = _plain(name)
    if name in (df.attrs.get("summary") or ()):
        return is_number(df[name])
    return plain not in _OF_THE_RUN and is_number(df[name]) and _is_result(df[name], plain)


def _plain(name: str) -> str:
    """Return a column's own name: `config.optim.lr` is `lr`, `git.commit` stays."""
    text = name.lower().replace("-", "_").replace("/", ".").replace(" ", "_")
    return text if text in _BLOCKS else text.rpartition(".")[2]
