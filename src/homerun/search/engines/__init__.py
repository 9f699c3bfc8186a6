"""The searches of others: optuna, Ax, W&B's schedulers, functions of the user."""
