"""Hypothesis strategies for sweep files as dictionaries."""

from hypothesis import strategies as st

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,8}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
WHOLE = st.integers(-(10**6), 10**6)
REAL = st.floats(-1e6, 1e6)
POSITIVE = st.floats(1e-3, 1e6)


def _bounded(name, number, **others):
    pairs = st.tuples(number, number).map(sorted).filter(lambda pair: pair[0] < pair[1])
    return pairs.flatmap(
        lambda pair: st.fixed_dictionaries(
            {"distribution": st.just(name), "min": st.just(pair[0]), "max": st.just(pair[1])},
            **others,
        )
    )


def _chances(values):
    weights = st.lists(st.integers(0, 9), min_size=len(values), max_size=len(values))
    return weights.filter(any).map(
        lambda ws: {"values": values, "probabilities": [w / sum(ws) for w in ws]}
    )


def _shaped(name, keys):
    return st.fixed_dictionaries({"distribution": st.just(name)}, optional=keys)


_STEP = {"optional": {"q": st.sampled_from([1, 2, 0.5, 0.1, 3.7])}}
_WIDE = {"optional": {"q": st.sampled_from([1, 0.5, 0.1])}}
_SPREAD = {"mu": st.floats(-5, 5), "sigma": st.floats(0.01, 3)}
_SHAPE = {"a": st.floats(0.1, 10), "b": st.floats(0.1, 10)}
_Q = {"q": st.sampled_from([1, 0.5, 0.1])}

CONSTANT = st.fixed_dictionaries({"value": VALUES})
CATEGORICAL = st.fixed_dictionaries({"values": st.lists(VALUES, min_size=1, max_size=5)})
INT_UNIFORM = _bounded("int_uniform", WHOLE)
Q_UNIFORM = st.tuples(WHOLE, st.integers(4, 40)).flatmap(
    lambda pair: st.fixed_dictionaries(
        {
            "distribution": st.just("q_uniform"),
            "min": st.just(pair[0]),
            "max": st.just(pair[0] + pair[1]),
        },
        **_STEP,
    )
)
LISTED = CONSTANT | CATEGORICAL | INT_UNIFORM | Q_UNIFORM  # what a grid takes
ANY = st.one_of(
    LISTED,
    st.lists(VALUES, min_size=1, max_size=5).flatmap(_chances),
    _bounded("uniform", REAL | WHOLE),
    _bounded("log_uniform", st.floats(-20, 20)),
    _bounded("inv_log_uniform", st.floats(-20, 20)),
    _bounded("log_uniform_values", POSITIVE),
    _bounded("inv_log_uniform_values", POSITIVE),
    st.floats(0, 5).flatmap(
        lambda low: st.fixed_dictionaries(
            {
                "distribution": st.just("q_log_uniform"),
                "min": st.just(low),
                "max": st.just(low + 2),
            },
            **_WIDE,
        )
    ),
    st.floats(0.5, 50).flatmap(
        lambda low: st.fixed_dictionaries(
            {
                "distribution": st.just("q_log_uniform_values"),
                "min": st.just(low),
                "max": st.just(low + 10),
            },
            **_WIDE,
        )
    ),
    _shaped("normal", _SPREAD),
    _shaped("log_normal", _SPREAD),
    _shaped("q_normal", _SPREAD | _Q),
    _shaped("q_log_normal", _SPREAD | _Q),
    _shaped("beta", _SHAPE),
    _shaped("q_beta", _SHAPE | _Q),
)


def parameters(leaf, *, max_size=3):
    """Return parameters of this kind, nested up to two levels deep."""
    level = st.dictionaries(NAMES, leaf, min_size=1, max_size=max_size)
    nested = st.fixed_dictionaries({"parameters": level})
    return st.dictionaries(NAMES, leaf | nested, min_size=1, max_size=max_size)


SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "seed": st.integers(-5, 5),
        "repeats": st.integers(1, 3),
        "order": st.sampled_from(["grid", "shuffle", "balanced"]),
        "retries": st.integers(0, 3),
        "timeout": st.sampled_from([5, 0.5, "90s", "1h30m", "1d"]),
        "slots": st.integers(1, 8),
        "gpus": st.integers(0, 8),
        "max_failures": st.integers(0, 9),
        "args_style": st.sampled_from(["underscore", "hyphen"]),
    },
)
METRIC = st.fixed_dictionaries(
    {"name": st.just("loss")},
    optional={
        "goal": st.sampled_from(["minimize", "maximize"]),
        "target": REAL,
        "impute": st.sampled_from(["worst", "best", "latest"]),
        "impute_while_running": st.sampled_from(["false", "latest", "best", "worst", False]),
    },
)


def sweeps(method, leaf):
    """Return valid sweep dictionaries."""
    return st.fixed_dictionaries(
        {"method": st.just(method), "parameters": parameters(leaf)},
        optional={
            "program": st.just("train.py"),
            "name": st.just("crop or squish"),
            "project": st.just("pets"),
            "run_cap": st.integers(1, 9),
            "command": st.lists(st.sampled_from(["${env}", "${args}", "x y", 3, True])),
            "metric": METRIC,
            "homerun": SETTINGS,
        },
    )


GRID = sweeps("grid", LISTED)
RANDOM = sweeps("random", ANY)
