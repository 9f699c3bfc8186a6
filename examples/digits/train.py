"""Train one small model on handwritten digits, and record how it went.

python train.py --dataset mnist --model_name convnet --learning_rate 0.008
"""

import argparse
import os
import time

# Several runs share the machine: each keeps to one core. Must be set before numpy is loaded.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
from data import DATASETS, RESIZE_METHODS, load
from models import MODELS, Classifier, cross_entropy

import homerun as wandb


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", choices=DATASETS, default="digits")
    parser.add_argument("--learning_rate", type=float, default=0.008)
    parser.add_argument("--model_name", choices=MODELS, default="mlp")
    parser.add_argument("--resize_method", choices=RESIZE_METHODS, default="crop")
    parser.add_argument("--num_experiments", type=int, default=1, help="which repeat: the seed")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--size", type=int, default=12, help="side of the images, in pixels")
    return parser.parse_args()


def train(config, training, validation):
    """Yield the metrics of each epoch."""
    (images, labels), (valid_images, valid_labels) = training, validation
    rng = np.random.default_rng(config.num_experiments)
    model = Classifier(config.model_name, config.size, rng)
    for epoch in range(config.epochs):
        order = rng.permutation(len(images))
        batches = np.split(order, range(config.batch_size, len(order), config.batch_size))
        losses = [model.learn(images[b], labels[b], config.learning_rate) for b in batches]
        probabilities = model.predict(valid_images)
        yield {
            "epoch": epoch,
            "train_loss": float(np.mean(losses)),
            "valid_loss": cross_entropy(probabilities, valid_labels),
            "error_rate": float(np.mean(probabilities.argmax(1) != valid_labels)),
        }


def main():
    with wandb.init(project="digits", config=parse_args()) as run:
        config = run.config
        training, validation = load(config.dataset, config.size, config.resize_method)
        started = time.perf_counter()
        for metrics in train(config, training, validation):
            run.log(metrics)
            print("  ".join(f"{name} {value:.4g}" for name, value in metrics.items()), flush=True)
        run.summary["fit_time"] = time.perf_counter() - started  # seconds


if __name__ == "__main__":
    main()
