"""The same small programs under the real wandb and under ours, and what both recorded."""
