"""What a sweep and its runs are to a model, and the models."""
