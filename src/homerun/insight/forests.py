"""Shares of the variance from trees: fANOVA, with the bootstrap over runs and a noise column.

Hutter, Hoos, Leyton-Brown: An efficient approach for assessing hyperparameter importance (2014).
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from sklearn.tree import DecisionTreeRegressor

from homerun.insight.scale import Floats
from homerun.insight.shares import Shares, weights_of
from homerun.insight.table import Integers, Parameter

_RESAMPLES = 24
_TREES = 3  # of a resample
_MOST = 1000  # cells a tree is grown on
_PLACES = 1000  # random configurations at which the whole variance is measured


@dataclass(frozen=True, kw_only=True, eq=False)
class _Feature:
    """A parameter as trees see it."""

    codes: Integers  # (cells,) levels
    weight: Floats  # (levels,) how much of the space each stands for
    is_category: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class _Grown:
    """What the trees of one resample say."""

    curves: tuple[Floats, ...]  # of each feature, the mean response at its levels
    predicted: Floats  # (_PLACES,) at random configurations
    unseen: Floats  # (cells,) sum of the predictions for cells that were not drawn, else 0
    is_unseen: npt.NDArray[np.bool_]

    def share(self, j: int, feature: _Feature) -> float:
        """Return the share of the variance that a feature has by itself."""
        total = float(self.predicted.var())
        return _variance(self.curves[j], feature.weight) / total if total > 0 else 0.0


def of_forest(
    parameters: tuple[Parameter, ...], codes: Integers, y: Floats, count: Integers
) -> Shares:
    """Return the shares of the variance over the whole space, all values being equally likely.

    Each resample of the runs grows trees of its own, beside a column of noise: a parameter's
    values shuffled. The most that noise reaches in any of them is the floor.
    """
    rng = np.random.default_rng(0)
    features = [
        _Feature(
            codes=codes[:, j],
            weight=weights_of(parameter),
            is_category=parameter.kind == "category",
        )
        for j, parameter in enumerate(parameters)
    ]
    n, d = len(y), len(features)
    size = min(n, _MOST)
    places = [rng.choice(len(f.weight), size=_PLACES, p=f.weight) for f in features]
    grown, shares, floor = [], [], []
    for g in range(_RESAMPLES):
        noise = replace(features[g % d], codes=rng.permutation(features[g % d].codes))
        drawn = np.bincount(rng.integers(0, n, size), minlength=n)
        at = [*places, rng.permutation(places[g % d])]
        trees = _grow([*features, noise], y, drawn * count, at, rng)
        shares.append([trees.share(j, feature) for j, feature in enumerate(features)])
        floor.append(trees.share(d, noise))
        grown.append(trees)
    total = float(np.mean([trees.predicted for trees in grown], axis=0).var()) or 1.0
    share = np.array(
        [
            _variance(np.mean([trees.curves[j] for trees in grown], axis=0), feature.weight)
            for j, feature in enumerate(features)
        ]
    )
    share = np.minimum(share / total, 1.0)
    half = 1.96 * np.std(shares, axis=0, ddof=1) * np.sqrt(size / n)
    return Shares(
        share=share,
        low=np.maximum(share - half, 0.0),
        high=np.minimum(share + half, 1.0),
        is_noise=share <= max(floor),
        explained=_explained(grown, y, count),
        method="forest",
    )


def _grow(
    features: list[_Feature],
    y: Floats,
    weight: Integers,
    places: list[Integers],
    rng: np.random.Generator,
) -> _Grown:
    """Grow the trees of one resample; cells of weight 0 were not drawn."""
    rows, is_unseen = np.flatnonzero(weight), weight == 0
    ranks = [_ranks(f, y, rows, weight[rows].astype(float)) for f in features]
    x = np.column_stack([r[f.codes] for r, f in zip(ranks, features, strict=True)])
    z = np.column_stack([r[at] for r, at in zip(ranks, places, strict=True)])
    measures: list[Floats] = [
        np.bincount(r, weights=f.weight).astype(float) for r, f in zip(ranks, features, strict=True)
    ]
    marginals = [np.zeros(len(measure)) for measure in measures]
    predicted, unseen = np.zeros(len(z)), np.zeros(len(y))
    for _ in range(_TREES):
        tree = DecisionTreeRegressor(
            min_samples_leaf=3, max_features=0.7, random_state=int(rng.integers(2**31))
        ).fit(x[rows], y[rows], sample_weight=weight[rows])
        for j, marginal in enumerate(_marginals(tree, measures)):
            marginals[j] += marginal / _TREES
        predicted += tree.predict(z) / _TREES
        if is_unseen.any():
            unseen[is_unseen] += tree.predict(x[is_unseen]) / _TREES
    return _Grown(
        curves=tuple(marginal[r] for marginal, r in zip(marginals, ranks, strict=True)),
        predicted=predicted,
        unseen=unseen,
        is_unseen=is_unseen,
    )


def _ranks(feature: _Feature, y: Floats, rows: Integers, weight: Floats) -> Integers:
    """Return the place of each level: a category's by its mean response, shrunk to that of all."""
    levels = len(feature.weight)
    if not feature.is_category:
        return np.arange(levels)
    at = feature.codes[rows]
    centre = np.average(y[rows], weights=weight)
    mass = np.bincount(at, weights=weight, minlength=levels)
    away = np.bincount(at, weights=weight * (y[rows] - centre), minlength=levels) / (mass + 1)
    ranks = np.empty(levels, dtype=np.intp)
    ranks[np.argsort(away, kind="stable")] = np.arange(levels)
    return ranks


def _marginals(tree: DecisionTreeRegressor, measures: list[Floats]) -> list[Floats]:
    """Return, for each feature, the mean of the tree at each place of it over all the others."""
    low, high, value = _boxes(tree, [len(measure) for measure in measures])
    below = [np.concatenate([[0.0], np.cumsum(measure)]) for measure in measures]
    mass = np.column_stack([edges[high[:, j]] - edges[low[:, j]] for j, edges in enumerate(below)])
    mass = np.maximum(mass, 1e-300)
    volume = value * mass.prod(axis=1)
    found: list[Floats] = []
    for j, measure in enumerate(measures):
        part, size = volume / mass[:, j], len(measure) + 1
        steps = np.bincount(low[:, j], weights=part, minlength=size)
        steps -= np.bincount(high[:, j], weights=part, minlength=size)
        found.append(np.cumsum(steps)[:-1].astype(float))
    return found


def _boxes(tree: DecisionTreeRegressor, sizes: list[int]) -> tuple[Integers, Integers, Floats]:
    """Return the leaves of a tree: from which place up to which (excluded), and their values."""
    nodes = tree.tree_
    low = np.zeros((nodes.node_count, len(sizes)), dtype=np.intp)
    high = np.tile(np.array(sizes, dtype=np.intp), (nodes.node_count, 1))
    front = np.flatnonzero(nodes.children_left[:1] >= 0)
    while len(front):
        left, right = nodes.children_left[front], nodes.children_right[front]
        at, cut = nodes.feature[front], np.floor(nodes.threshold[front]).astype(np.intp) + 1
        for side in (left, right):
            low[side], high[side] = low[front], high[front]
        high[left, at] = cut
        low[right, at] = cut
        front = np.concatenate([left, right])
        front = front[nodes.children_left[front] >= 0]
    leaves = nodes.children_left < 0
    return low[leaves], high[leaves], nodes.value[leaves, 0, 0]


def _variance(values: Floats, weight: Floats) -> float:
    centre = float(weight @ values)
    return float(weight @ (values - centre) ** 2)


def _explained(grown: list[_Grown], y: Floats, count: Integers) -> float:
    times = np.sum([trees.is_unseen for trees in grown], axis=0)
    known = times > 0
    if known.sum() < 3:
        return float("nan")
    guess = np.sum([trees.unseen for trees in grown], axis=0)[known] / times[known]
    weight = count[known].astype(float)
    away = y[known] - np.average(y[known], weights=weight)
    total = float(weight @ away**2)
    return 1 - float(weight @ (y[known] - guess) ** 2) / total if total > 0 else float("nan")
