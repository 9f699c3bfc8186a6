"""Charts of scikit-learn models under W&B's names: `wandb.sklearn.plot_classifier(...)`.

Each is logged under W&B's key, as a chart where `homerun.plot` has it and as a table otherwise.
"""

import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from sklearn import base, calibration, metrics, model_selection, utils

import homerun as hr
from homerun.compat.integrations.common import need_run

__all__ = [
    "plot_calibration_curve",
    "plot_class_proportions",
    "plot_classifier",
    "plot_clusterer",
    "plot_confusion_matrix",
    "plot_elbow_curve",
    "plot_feature_importances",
    "plot_learning_curve",
    "plot_outlier_candidates",
    "plot_precision_recall",
    "plot_regressor",
    "plot_residuals",
    "plot_roc",
    "plot_silhouette",
    "plot_summary_metrics",
]
_ROWS_LIMIT = 1000  # of a table with a row for each sample, as W&B's charts
_FOLDS = 2  # of the calibration curve


def plot_classifier(
    model: Any,
    X_train: Any,  # noqa: N803 - scikit-learn's name, here and below
    X_test: Any,  # noqa: N803
    y_train: Any,
    y_test: Any,
    y_pred: Any,
    y_probas: Any,
    labels: Sequence[str] | None,
    is_binary: bool = False,  # noqa: ARG001 - W&B's
    model_name: str = "Classifier",
    feature_names: Sequence[str] | None = None,
    log_learning_curve: bool = False,
) -> None:
    """Log all charts of a fitted classifier."""
    plot_feature_importances(model, feature_names)
    if log_learning_curve:
        plot_learning_curve(model, X_train, y_train)
    plot_confusion_matrix(y_test, y_pred, labels)
    plot_summary_metrics(model, X_train, y_train, X_test, y_test)
    plot_class_proportions(y_train, y_test, labels)
    if len(np.unique(y_train)) == 2:
        plot_calibration_curve(model, X_train, y_train, model_name)
    plot_roc(y_test, y_probas, labels)
    plot_precision_recall(y_test, y_probas, labels)


def plot_regressor(
    model: Any,
    X_train: Any,  # noqa: N803
    X_test: Any,  # noqa: N803
    y_train: Any,
    y_test: Any,
    model_name: str = "Regressor",  # noqa: ARG001 - W&B's
) -> None:
    """Log all charts of a fitted regressor."""
    plot_summary_metrics(model, X_train, y_train, X_test, y_test)
    plot_learning_curve(model, X_train, y_train)
    plot_outlier_candidates(model, X_train, y_train)
    plot_residuals(model, X_train, y_train)


def plot_clusterer(
    model: Any,
    X_train: Any,  # noqa: N803
    cluster_labels: Any,
    labels: Any = None,
    model_name: str = "Clusterer",  # noqa: ARG001 - W&B's
) -> None:
    """Log all charts of a fitted clusterer."""
    if hasattr(model, "n_clusters"):
        plot_elbow_curve(model, X_train)
    plot_silhouette(model, X_train, cluster_labels, labels)


def plot_roc(
    y_true: Any, y_probas: Any, labels: Sequence[str] | None = None, **options: Any
) -> None:
    """Log the ROC curve of each class."""
    classes = options.get("classes_to_plot")
    _log("roc", hr.plot.roc_curve(y_true, y_probas, labels, classes_to_plot=classes))


def plot_precision_recall(
    y_true: Any, y_probas: Any, labels: Sequence[str] | None = None, **options: Any
) -> None:
    """Log precision over recall of each class."""
    classes = options.get("classes_to_plot")
    chart = hr.plot.pr_curve(y_true, y_probas, labels, classes_to_plot=classes)
    _log("precision_recall", chart)


def plot_confusion_matrix(
    y_true: Any,
    y_pred: Any,
    labels: Sequence[str] | None = None,
    true_labels: Any = None,
    pred_labels: Any = None,
    normalize: bool = False,
) -> None:
    """Log how often each class was taken for each; with `normalize` as a share of the class."""
    classes = utils.multiclass.unique_labels(y_true, y_pred)
    counts = metrics.confusion_matrix(
        y_true, y_pred, labels=classes, normalize="true" if normalize else None
    )
    names = list(classes if labels is None else labels)
    rows = [
        (predicted, actual, counts[i, j])
        for i, actual in enumerate(names)
        for j, predicted in enumerate(names)
        if (true_labels is None or classes[i] in true_labels)
        and (pred_labels is None or classes[j] in pred_labels)
    ]
    _log("confusion_matrix", _table("Predicted Actual Count", rows))


def plot_feature_importances(
    model: Any,
    feature_names: Sequence[str] | None = None,
    title: str = "Feature Importance",
    max_num_features: int = 50,
) -> None:
    """Log the features that count most: by importance, or by the size of their coefficients."""
    values = getattr(model, "feature_importances_", None)
    if values is None:
        coefficients = getattr(model, "coef_", None)
        if coefficients is None:
            hr.termwarn(f"{type(model).__name__} has no feature importances to log")
            return
        values = np.abs(np.atleast_2d(coefficients)).mean(axis=0)
    names = feature_names if feature_names is not None else range(len(values))
    ranked = sorted(zip(map(str, names), values, strict=True), key=lambda pair: -pair[1])
    table = _table("feature_names importances", ranked[:max_num_features])
    _log("feature_importances", hr.plot.bar(table, "feature_names", "importances", title=title))


def plot_learning_curve(
    model: Any,
    X: Any,  # noqa: N803
    y: Any,
    cv: Any = None,
    shuffle: bool = False,
    random_state: int | None = None,
    train_sizes: Any = None,
    n_jobs: int = 1,
    scoring: Any = None,
) -> None:
    """Log the score on training and test folds by the number of samples trained on."""
    sizes, train, test = model_selection.learning_curve(
        model,
        X,
        y,
        cv=cv,
        shuffle=shuffle,
        random_state=random_state,
        train_sizes=np.linspace(0.1, 1.0, 5) if train_sizes is None else train_sizes,
        n_jobs=n_jobs,
        scoring=scoring,
    )
    rows = [("train", scores.mean(), n) for n, scores in zip(sizes, train, strict=True)]
    rows += [("test", scores.mean(), n) for n, scores in zip(sizes, test, strict=True)]
    _log("learning_curve", _table("dataset score train_size", rows))


def plot_summary_metrics(
    model: Any,
    X: Any,  # noqa: N803
    y: Any,
    X_test: Any,  # noqa: N803
    y_test: Any,
) -> None:
    """Log the usual scores of a model, fitted to X and y, on the test set."""
    predicted = base.clone(model).fit(X, y).predict(X_test)
    if base.is_classifier(model):
        average = {"average": "weighted", "zero_division": 0}
        scores = {
            "accuracy_score": metrics.accuracy_score(y_test, predicted),
            "precision": metrics.precision_score(y_test, predicted, **average),
            "recall": metrics.recall_score(y_test, predicted, **average),
            "f1_score": metrics.f1_score(y_test, predicted, **average),
        }
    else:
        scores = {
            "mae": metrics.mean_absolute_error(y_test, predicted),
            "mse": metrics.mean_squared_error(y_test, predicted),
            "r2_score": metrics.r2_score(y_test, predicted),
        }
    rows = [(name, value, type(model).__name__) for name, value in scores.items()]
    _log("summary_metrics", _table("metric_name metric_value model_name", rows))


def plot_class_proportions(y_train: Any, y_test: Any, labels: Sequence[str] | None = None) -> None:
    """Log how many samples of each class the training and the test set have."""
    rows = []
    for dataset, y in (("train", y_train), ("test", y_test)):
        for value, number in zip(*np.unique(y, return_counts=True), strict=True):
            name = value if labels is None else labels[int(value)]
            rows.append((name, dataset, number))
    _log("class_proportions", _table("class dataset count", rows))


def plot_calibration_curve(
    clf: Any,
    X: Any,  # noqa: N803
    y: Any,
    clf_name: str = "Classifier",
) -> None:
    """Log how true the probabilities of a classifier of two classes are, calibrated or not."""
    rows = []
    X_train, X_test, y_train, y_test = model_selection.train_test_split(  # noqa: N806
        X, y, test_size=0.5, random_state=42, stratify=y
    )
    for method in ("", "isotonic", "sigmoid"):
        model = base.clone(clf)
        if method:
            model = calibration.CalibratedClassifierCV(model, cv=_FOLDS, method=method)
        elif not hasattr(model, "predict_proba"):
            continue
        probabilities = model.fit(X_train, y_train).predict_proba(X_test)[:, 1]
        shares, means = calibration.calibration_curve(y_test, probabilities, n_bins=10)
        name = f"{clf_name} {method}".strip()
        rows += [(name, share, mean) for share, mean in zip(shares, means, strict=True)]
    _log("calibration_curve", _table("model fraction_of_positives mean_predicted_value", rows))


def plot_outlier_candidates(regressor: Any, X: Any, y: Any) -> None:  # noqa: N803
    """Log how far each sample moves a linear fit (Cook's distance; Cook 1977)."""
    X, y = np.asarray(X), np.asarray(y)  # noqa: N806
    leverage = (X * np.linalg.pinv(X).T).sum(axis=1)
    errors = y - base.clone(regressor).fit(X, y).predict(X)
    freedom = len(X) - np.linalg.matrix_rank(X)
    mean_square = errors @ errors / freedom
    distances = errors**2 / (X.shape[1] * mean_square) * leverage / (1 - leverage) ** 2
    threshold = 4 / len(X)
    rows = [(distance, i, threshold) for i, distance in enumerate(distances)]
    _log("outlier_candidates", _table("distance instance_indicies influence_threshold", rows))


def plot_residuals(regressor: Any, X: Any, y: Any) -> None:  # noqa: N803
    """Log predictions and residuals of a model on the part it was and was not fitted to."""
    X_train, X_test, y_train, y_test = model_selection.train_test_split(  # noqa: N806
        X, y, test_size=0.2, random_state=42
    )
    model = base.clone(regressor).fit(X_train, y_train)
    rows = []
    for dataset, features, truth in (("train", X_train, y_train), ("test", X_test, y_test)):
        predicted = model.predict(features)
        errors = predicted - np.asarray(truth)
        rows += [(dataset, p, e) for p, e in zip(predicted, errors, strict=True)]
    _log("residuals", _table("dataset y_pred residuals", rows))


def plot_elbow_curve(
    clusterer: Any,
    X: Any,  # noqa: N803
    cluster_ranges: Iterable[int] | None = None,
    n_jobs: int = 1,  # noqa: ARG001 - W&B's
    show_cluster_time: bool = True,  # noqa: ARG001 - W&B's
) -> None:
    """Log the error and the time to fit (s) by the number of clusters."""
    rows = []
    for count in sorted(cluster_ranges or range(1, 10, 2)):
        started = time.perf_counter()
        score = base.clone(clusterer).set_params(n_clusters=count).fit(X).score(X)
        rows.append((count, abs(score), time.perf_counter() - started))
    _log("elbow_curve", _table("cluster_ranges errors clustering_time", rows))


def plot_silhouette(
    clusterer: Any,  # noqa: ARG001 - W&B's
    X: Any,  # noqa: N803
    cluster_labels: Any,
    labels: Sequence[str] | None = None,
    metric: str = "euclidean",
    kmeans: bool = True,  # noqa: ARG001 - W&B's
) -> None:
    """Log how well each sample sits in its cluster, from -1 to 1."""
    cluster_labels = np.asarray(cluster_labels)
    values = metrics.silhouette_samples(X, cluster_labels, metric=metric)
    mean = values.mean()
    rows = [
        (cluster if labels is None else labels[int(cluster)], value, mean)
        for cluster, value in sorted(zip(cluster_labels, values, strict=True))
    ]
    _log("silhouette_plot", _table("cluster silhouette silhouette_avg", rows))


def _table(columns: str, rows: Sequence[tuple[Any, ...]]) -> hr.Table:
    if len(rows) > _ROWS_LIMIT:
        hr.termwarn(f"a table of {len(rows):,} rows is logged with its first {_ROWS_LIMIT:,}")
    data = [[_plain(value) for value in row] for row in rows[:_ROWS_LIMIT]]
    return hr.Table(columns=columns.split(), data=data)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _log(key: str, chart: Any) -> None:
    need_run(f"wandb.sklearn: {key}").log({key: chart})
