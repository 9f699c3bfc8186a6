"""A forest of extremely randomised trees; how much they disagree says how sure it is.

Geurts, Ernst and Wehenkel, Extremely randomized trees, Machine Learning 63, 2006.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from homerun.search.models.coordinates import Mask, indicators, levels_of
from homerun.search.models.dimensions import Array

TREES = 40
_LEAST_SPREAD = 1e-6


@dataclass(frozen=True)
class Forest:
    """Fitted trees."""

    trees: tuple[Any, ...]  # of sklearn.tree
    is_category: Mask
    levels: tuple[int, ...]  # of each category

    def predict(self, points: Array) -> tuple[Array, Array]:
        """Return the mean over the trees at points, and the standard deviation between them."""
        features = _features(points, self.is_category, self.levels)
        found = np.array([tree.predict(features).ravel() for tree in self.trees])
        return found.mean(0), np.maximum(found.std(0), _LEAST_SPREAD)


def grow(points: Array, y: Array, counts: Array, is_category: Mask, *, seed: int) -> Forest:
    """Return trees fitted to outcomes."""
    from sklearn.ensemble import ExtraTreesRegressor  # noqa: PLC0415  half a second to load

    levels = levels_of(points, is_category)
    trees = ExtraTreesRegressor(TREES, min_samples_leaf=1, random_state=seed)
    trees.fit(_features(points, is_category, levels), y, sample_weight=counts)
    return Forest(tuple(tree.tree_ for tree in trees.estimators_), is_category, levels)


def _features(points: Array, is_category: Mask, levels: tuple[int, ...]) -> Any:
    """Return numbers as they are and a column of 0 and 1 for each level, as trees take them."""
    columns = [points[:, ~is_category], *indicators(points, is_category, levels)]
    return np.ascontiguousarray(np.concatenate(columns, axis=1), dtype=np.float32)
