import wandb
from sklearn import cluster, datasets, ensemble, linear_model, model_selection

x, y = datasets.make_classification(120, n_features=5, random_state=0)
a, b, c, d = model_selection.train_test_split(x, y, random_state=0)
with wandb.init(project="sklearn"):
    model = ensemble.RandomForestClassifier(5, random_state=0).fit(a, c)
    wandb.sklearn.plot_classifier(
        model,
        a,
        b,
        c,
        d,
        model.predict(b),
        model.predict_proba(b),
        ["cat", "dog"],
        model_name="forest",
        log_learning_curve=True,
    )
    x, y = datasets.make_regression(60, n_features=3, noise=1.0, random_state=0)
    line = linear_model.Ridge().fit(x[:40], y[:40])
    wandb.sklearn.plot_residuals(line, x[:40], y[:40])
    wandb.sklearn.plot_outlier_candidates(line, x[:40], y[:40])
    groups = cluster.KMeans(3, n_init=1, random_state=0).fit(x)
    wandb.sklearn.plot_clusterer(groups, x, groups.labels_, ["a", "b", "c"])
