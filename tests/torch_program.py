"""Libraries around PyTorch that say `import wandb`, used as their users do: NAME... of them.

Run by the Python of an environment that has them; everything is tiny and on the CPU.
"""

# ruff: noqa: PLC0415

import sys
from pathlib import Path

import torch

torch.set_num_threads(1)


def transformers() -> None:
    """Train a random BERT."""
    import wandb
    from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

    data = [
        {"input_ids": torch.arange(4) + i % 3, "labels": torch.tensor(i % 2)} for i in range(16)
    ]
    tiny = BertConfig(
        vocab_size=16,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=8,
    )
    args = TrainingArguments(
        output_dir="out",
        report_to=["wandb"],
        run_name="tiny-bert",
        num_train_epochs=2,
        per_device_train_batch_size=8,
        logging_steps=1,
        eval_strategy="epoch",
        save_strategy="no",
        use_cpu=True,
        disable_tqdm=True,
    )
    model = BertForSequenceClassification(tiny)
    Trainer(model=model, args=args, train_dataset=data, eval_dataset=data[:4]).train()
    wandb.finish()


def lightning() -> None:
    """Train with Lightning's WandbLogger."""
    import lightning
    import wandb
    from lightning.pytorch.loggers import WandbLogger
    from torch.utils.data import DataLoader, TensorDataset

    class Net(lightning.LightningModule):  # type: ignore[misc]
        def __init__(self, width=3):
            super().__init__()
            self.save_hyperparameters()
            self.layer = torch.nn.Linear(4, 2)

        def training_step(self, batch, i):
            loss = torch.nn.functional.cross_entropy(self.layer(batch[0]), batch[1])
            self.log("train_loss", loss)
            return loss

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.1)

    x = torch.randn(32, 4)
    loader = DataLoader(TensorDataset(x, (x[:, 0] > 0).long()), batch_size=8)
    trainer = lightning.Trainer(
        max_epochs=2,
        logger=WandbLogger(project="lightning", name="net", save_dir="logs"),
        log_every_n_steps=1,
        accelerator="cpu",
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
    )
    trainer.fit(Net(), loader)
    wandb.finish()


def accelerate() -> None:
    """Use Accelerate's tracker."""
    from accelerate import Accelerator

    accelerator = Accelerator(log_with="wandb", cpu=True)
    options = {"wandb": {"name": "line", "tags": ["tiny"]}}
    accelerator.init_trackers("accelerate", config={"lr": 0.1}, init_kwargs=options)
    model = torch.nn.Linear(2, 1)
    model, opt = accelerator.prepare(model, torch.optim.SGD(model.parameters(), 0.1))
    for step in range(3):
        loss = model(torch.ones(4, 2)).pow(2).mean()
        accelerator.backward(loss)
        opt.step()
        opt.zero_grad()
        accelerator.log({"loss": loss.item()}, step=step)
    accelerator.end_training()


def timm() -> None:
    """Train as timm's train.py does, with its own helper for W&B."""
    from collections import OrderedDict

    import wandb
    from timm import create_model
    from timm.utils import update_summary

    wandb.init(project="timm", name="resnet", config={"model": "test_resnet"})
    model = create_model("test_resnet", num_classes=2)
    opt = torch.optim.SGD(model.parameters(), 0.01)
    for epoch in range(2):
        loss = model(torch.randn(2, 3, 32, 32)).pow(2).mean()
        loss.backward()
        opt.step()
        update_summary(
            epoch,
            OrderedDict(loss=loss.item()),
            OrderedDict(top1=50.0),
            Path("summary.csv"),
            lr=0.01,
            write_header=epoch == 0,
            log_wandb=True,
        )
    wandb.finish()


def ultralytics() -> None:
    """Train a YOLO without weights on four squares."""
    import os

    os.environ.update(YOLO_CONFIG_DIR=str(Path("yolo").absolute()), YOLO_OFFLINE="true")
    import numpy as np
    from PIL import Image
    from ultralytics import YOLO, settings

    settings.update({"wandb": True, "sync": False})
    root = Path("squares").absolute()
    for part in ("train", "val"):
        (root / "images" / part).mkdir(parents=True)
        (root / "labels" / part).mkdir(parents=True)
        for i in range(4):
            pixels = np.zeros((64, 64, 3), dtype=np.uint8)
            pixels[8 * i : 8 * i + 16, 16:32] = 255
            Image.fromarray(pixels).save(root / "images" / part / f"{i}.png")
            label = f"0 0.375 {(8 * i + 8) / 64} 0.25 0.25\n"
            (root / "labels" / part / f"{i}.txt").write_text(label)
    data = root / "data.yaml"
    data.write_text(f"path: {root}\ntrain: images/train\nval: images/val\nnames: [square]\n")
    YOLO("yolov8n.yaml").train(
        data=str(data),
        epochs=2,
        imgsz=64,
        batch=4,
        workers=0,
        device="cpu",
        project="squares",
        name="tiny",
        plots=False,
    )


if __name__ == "__main__":
    for name in sys.argv[1:]:
        globals()[name]()
