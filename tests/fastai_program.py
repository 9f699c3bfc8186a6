"""fast.ai at work, run by the Python of an environment that has it: NAME... of the functions below.

Everything is generated, small, and trained on the CPU without weights from elsewhere.
"""

# ruff: noqa: PLC0415

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from fastai.callback.tracker import EarlyStoppingCallback
from fastai.losses import CrossEntropyLossFlat
from fastai.tabular.all import Categorify, FillMissing, Normalize, TabularDataLoaders
from fastai.tabular.all import tabular_learner as new_tabular_learner
from fastai.text.all import BaseTokenizer, TextDataLoaders, text_classifier_learner
from fastai.text.models import AWD_LSTM, awd_lstm_clas_config
from fastai.vision.all import (
    Callback,
    CancelEpochException,
    ImageDataLoaders,
    Learner,
    Resize,
    SegmentationDataLoaders,
    accuracy,
    aug_transforms,
    error_rate,
    set_seed,
    vision_learner,
)
from PIL import Image

torch.set_num_threads(1)


def pictures(folder: Path) -> ImageDataLoaders:
    """Return 24 tiny pictures of two kinds, 8 of them for validation."""
    rng = np.random.default_rng(0)
    for i in range(24):
        kind = ("red", "green")[i % 2]
        (folder / kind).mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 80, (20, 28, 3)).astype("uint8")
        pixels[..., i % 2] += 120
        Image.fromarray(pixels).save(folder / kind / f"{i:02}.png")
    return ImageDataLoaders.from_folder(
        folder,
        valid_pct=0.34,
        seed=42,
        item_tfms=Resize(32, method="squish"),
        batch_tfms=aug_transforms(size=32),
        bs=8,
        num_workers=0,
        device="cpu",
    )


def vision_model(**options) -> Learner:
    """Return a learner of timm's smallest model."""
    dls = pictures(Path("pictures"))
    return vision_learner(dls, "test_vit", pretrained=False, metrics=error_rate, **options)


def frame() -> pd.DataFrame:
    """Return a table of 48 rows with something to learn."""
    rng = np.random.default_rng(1)
    df = pd.DataFrame({"kind": rng.choice(["a", "b"], 48), "size": rng.normal(size=48)})
    df["big"] = np.where(df["size"] > 0, "yes", "no")
    return df


def tabular_model(**options) -> Learner:
    """Return a learner of a table."""
    dls = TabularDataLoaders.from_df(
        frame(),
        y_names="big",
        cat_names=["kind"],
        cont_names=["size"],
        procs=[Categorify, FillMissing, Normalize],
        valid_idx=list(range(12)),
        bs=16,
        device="cpu",
    )
    return new_tabular_learner(dls, layers=[4], metrics=accuracy, **options)


def vision() -> None:
    """Search a rate, validate, fine-tune, predict: only the fits are training."""
    import homerun
    from homerun.compat.fastai import HomerunCallback, tta

    run = homerun.init(project="fast", id="vision", config={"batch_size": 8})
    set_seed(3)
    learn = vision_model(cbs=HomerunCallback(n_preds=5, log_model=True, log="all"))
    learn.lr_find(num_it=2, show_plot=False, suggest_funcs=None)
    learn.validate()
    learn.get_preds()
    assert run.step == 0
    learn.fine_tune(1, 1e-2)
    predictions, targets = tta(learn, n=2)
    assert predictions.shape == (8, 2)
    assert targets.shape == (8,)
    homerun.finish()


def mixed() -> None:
    """Train with bfloat16 and stop early; the callback leaves nothing behind."""
    import homerun
    from homerun.compat.fastai import HomerunCallback

    with homerun.init(project="fast", id="mixed"):
        stop = EarlyStoppingCallback(monitor="error_rate", patience=0, min_delta=9)
        learn = vision_model(cbs=[HomerunCallback(n_preds=3), stop]).to_bf16()
        names = [type(cb).__name__ for cb in learn.cbs]
        learn.fit_one_cycle(4, 1e-3)
        assert sorted(type(cb).__name__ for cb in learn.cbs) == sorted(names)


def tabular() -> None:
    """Train on a table without a run of our own making; a cancelled epoch and an error."""
    import homerun
    from homerun.compat.fastai import HomerunCallback

    class Trouble(Callback):  # type: ignore[misc]
        order = 99

        def after_batch(self):
            if self.epoch == self.where and self.training:
                raise self.error

    learn = tabular_model(cbs=HomerunCallback(log_preds_every_epoch=True))
    learn.fit(1)
    run = homerun.run
    trouble = Trouble()
    trouble.where, trouble.error = 1, CancelEpochException()
    learn.fit(3, cbs=trouble)
    trouble.where, trouble.error = 0, ValueError("the data is gone")
    try:
        learn.fit(1, cbs=trouble)
    except ValueError as error:
        said = str(error)
    assert "the data is gone" in said
    learn.fit(1)
    assert homerun.run is run
    homerun.finish()


class Split(BaseTokenizer):  # type: ignore[misc]
    """Words between spaces."""


def text() -> None:
    """Train on sentences."""
    import homerun
    from homerun.compat.fastai import HomerunCallback

    df = pd.DataFrame({"text": ["all is well here", "nothing is well"] * 12, "label": [1, 0] * 12})
    dls = TextDataLoaders.from_df(df, tok_tfm=Split(" "), valid_pct=0.25, seed=1, bs=6, seq_len=8)
    small = awd_lstm_clas_config | {"emb_sz": 8, "n_hid": 8, "n_layers": 1}
    with homerun.init(project="fast", id="text"):
        learn = text_classifier_learner(
            dls, AWD_LSTM, config=small, pretrained=False, metrics=accuracy, cbs=HomerunCallback()
        )
        learn.fit(1)


def masks() -> None:
    """Train on pictures with a class for each pixel."""
    import homerun
    from homerun.compat.fastai import HomerunCallback

    pixels = np.zeros((16, 12, 3), "uint8")
    pixels[4:8] = 200
    names = [Path("pixels") / f"{i}.png" for i in range(8)]
    Path("pixels").mkdir(exist_ok=True)
    for name in names:
        Image.fromarray(pixels).save(name)
        Image.fromarray((pixels[..., 0] > 99).astype("uint8")).save(name.with_suffix(".bmp"))
    dls = SegmentationDataLoaders.from_label_func(
        Path("pixels"),
        names,
        lambda name: name.with_suffix(".bmp"),
        codes=["ground", "bar"],
        bs=2,
        num_workers=0,
        device="cpu",
    )
    model = torch.nn.Conv2d(3, 2, 1)
    with homerun.init(project="fast", id="masks"):
        Learner(dls, model, CrossEntropyLossFlat(axis=1), cbs=HomerunCallback(n_preds=1)).fit(1)


def theirs() -> None:
    """Use fast.ai's own callback for W&B."""
    import wandb
    from fastai.callback.wandb import WandbCallback

    wandb.init(config={"bs": 8})
    vision_model(cbs=WandbCallback(n_preds=4, log_model=True)).fit(1)
    tabular_model(cbs=WandbCallback()).fit(2)
    wandb.finish()


if __name__ == "__main__":
    for name in sys.argv[1:]:
        globals()[name]()
        print(json.dumps({"done": name}), flush=True)
