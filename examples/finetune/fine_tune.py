"""Fine-tune a small timm model with fast.ai on pictures that are drawn here, for a sweep.

    python fine_tune.py --model_name test_vit --learning_rate 0.008
    homerun run sweep.yaml

Nothing is downloaded: the pictures are generated, and the models start without pretrained weights.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from fastai.vision.all import ImageDataLoaders, Resize, error_rate, vision_learner
from PIL import Image, ImageDraw

import homerun as wandb
from homerun.compat.fastai import HomerunCallback, tta

DEFAULTS = {
    "dataset": "SHAPES",
    "model_name": "test_vit",
    "learning_rate": 0.008,
    "pool": "concat",
    "resize_method": "crop",
    "num_experiments": 1,  # only tells repeats apart
    "epochs": 1,
    "batch_size": 8,
    "size": 32,
    "images": 32,
    "seed": 42,  # of the validation split, the same in each run
}
KINDS = {"SHAPES": ("ellipse", "rectangle"), "STRIPES": ("rows", "columns")}


def parse_args():
    parser = argparse.ArgumentParser()
    for name, value in DEFAULTS.items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    return parser.parse_args()


def draw(folder, dataset, count):
    """Write pictures, wider than high, a folder for each kind."""
    rng = np.random.default_rng(0)
    for i in range(count):
        kind = KINDS[dataset][i % 2]
        picture = Image.fromarray(rng.integers(0, 90, (36, 48, 3)).astype("uint8"))
        pen, left, top = ImageDraw.Draw(picture), int(rng.integers(20)), int(rng.integers(14))
        if dataset == "SHAPES":
            getattr(pen, kind)((left, top, left + 20, top + 16), fill="orange")
        else:
            for at in range(top, 48, 6):
                pen.line((0, at, 48, at) if kind == "rows" else (at, 0, at, 48), fill="white")
        (folder / kind).mkdir(exist_ok=True)
        picture.save(folder / kind / f"{i:03}.png")


def train(config):
    with tempfile.TemporaryDirectory() as folder:
        draw(Path(folder), config.dataset, config.images)
        dls = ImageDataLoaders.from_folder(
            folder,
            valid_pct=0.25,
            seed=config.seed,
            item_tfms=Resize(config.size, method=config.resize_method),
            bs=config.batch_size,
            num_workers=0,
        )
        learn = vision_learner(
            dls,
            config.model_name,
            pretrained=False,
            metrics=error_rate,
            concat_pool=config.pool == "concat",
            cbs=HomerunCallback(log_preds=False),
        )
        torch.manual_seed(config.num_experiments)
        learn.fine_tune(config.epochs, config.learning_rate)
        tta(learn)


if __name__ == "__main__":
    with wandb.init(project="fine_tune_timm", config=vars(parse_args())) as run:
        train(run.config)
        run.summary["model_family"] = run.config.model_name.split("_")[0]
