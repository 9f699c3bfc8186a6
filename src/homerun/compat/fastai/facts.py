"""What a Learner is, as values that a person reads and a table compares: no reprs, no file lists.

The names with a space are those of fast.ai's own callback for W&B.
"""

import inspect
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import Enum
from functools import partial
from hashlib import blake2b
from typing import Any

_LIMIT = 16  # elements; a longer list is data, not a parameter
_TORCH_SEED = 67280421310721  # what torch.initial_seed() says when nobody has set one
_INNER = {"order", "batch", "draw"}  # of no meaning to who reads
_PARTS = ("aff_fs", "coord_fs", "fs")  # where transforms of fast.ai keep those they are made of


def describe(learn: Any) -> dict[str, Any]:
    """Return architecture, loss, optimiser, data, transforms and sizes of a Learner."""
    dls, parameters = learn.dls, list(learn.model.parameters())
    opt = getattr(learn, "opt", None)
    facts = {
        "Learner": _learner(learn),
        "batch size": getattr(dls, "bs", None),
        "batch per epoch": _length(getattr(dls, "train", None)),
        "model parameters": sum(p.numel() for p in parameters),
        "trainable parameters": sum(p.numel() for p in parameters if p.requires_grad),
        "n_inp": getattr(dls, "n_inp", None),
        "transforms": _all_transforms(dls),
        "data": _data(dls),
    }
    if opt is not None:
        facts |= {"frozen": bool(opt.frozen_idx), "frozen idx": opt.frozen_idx}
    return {key: value for key, value in facts.items() if value is not None}


def describe_batch(inputs: Iterable[Any]) -> dict[str, int]:
    """Return the sizes of the inputs of a batch: the image size, for images."""
    return {
        f"input {n} dim {i}": int(size)
        for n, one in enumerate(inputs, 1)
        for i, size in enumerate(getattr(one, "shape", ()), 1)
    }


def named(value: Any) -> str:
    """Return the name of a function, class or object; of a partial one also what it is given."""
    name = _name(value)
    inside = ", ".join(f"{key}={item}" for key, item in parameters_of(value).items())
    return f"{name}({inside})" if inside and isinstance(value, partial) else name


def parameters_of(value: Any) -> dict[str, Any]:
    """Return the parameters of an object's constructor that it keeps, as plain values."""
    if isinstance(value, partial):
        given = value.keywords
    elif isinstance(value, type) or not hasattr(value, "__dict__") or inspect.isroutine(value):
        given = {}
    else:
        try:
            names = list(inspect.signature(type(value).__init__).parameters)
        except (TypeError, ValueError):  # written in C
            names = []
        given = {name: vars(value)[name] for name in names if name in vars(value)}
    known = ((key, _plain(item)) for key, item in given.items() if key not in _INNER)
    return {key: item for key, item in known if item is not None}


def fingerprint(dataset: Any, root: Any = None) -> str | None:
    """Return a hash of which items a data set holds, in any order; None when it does not say.

    Paths count from `root`, so two machines agree.
    """
    items = getattr(dataset, "items", None)
    items = getattr(items, "index", items) if hasattr(items, "iloc") else items
    if items is None:
        return None
    total = 0
    for item in items:
        digest = blake2b(_bytes(item, root), digest_size=8).digest()
        total += int.from_bytes(digest, "big")
    return f"{total % 2**64:016x}"


def _learner(learn: Any) -> dict[str, Any]:
    arch = getattr(learn, "arch", None) or type(learn.model)
    facts = {
        "arch": _name(arch),
        "pretrained": getattr(learn, "pretrained", None),
        "loss_func": named(learn.loss_func),
        "opt_func": named(learn.opt_func),
        "splitter": named(learn.splitter),
        "metrics": [metric.name for metric in learn.metrics],
        "callbacks": [_name(cb) for cb in learn.cbs.sorted("order")],
    }
    for name in ("lr", "wd", "wd_bn_bias", "train_bn", "moms"):
        facts[name] = _plain(getattr(learn, name, None))
    return {key: value for key, value in facts.items() if value is not None}


def _data(dls: Any) -> dict[str, Any]:
    import torch  # noqa: PLC0415 - fast.ai has loaded it

    train, valid = getattr(dls, "train_ds", None), getattr(dls, "valid_ds", None)
    vocab, seed = getattr(dls, "vocab", None), torch.initial_seed()
    root = getattr(dls, "path", None)
    facts = {
        "train size": _length(train),
        "valid size": _length(valid),
        "valid fingerprint": None if valid is None else fingerprint(valid, root),
        "classes": _length(vocab),
        "seed": None if seed == _TORCH_SEED else seed,
    }
    return {key: value for key, value in facts.items() if value is not None}


def _all_transforms(dls: Any) -> dict[str, Any]:
    """Return {"item": {"Resize": {"size": [224, 224], ...}}, "batch": ...} of the training data."""
    train = getattr(dls, "train", None)
    stages = {
        "item": getattr(train, "after_item", ()),
        "before_batch": getattr(train, "before_batch", ()),
        "batch": getattr(train, "after_batch", ()),
        "procs": getattr(getattr(train, "dataset", None), "procs", ()),
    }
    found = {stage: dict(_transforms(pipeline)) for stage, pipeline in stages.items()}
    return {stage: transforms for stage, transforms in found.items() if transforms}


def _transforms(pipeline: Any) -> Iterator[tuple[str, Any]]:
    """Yield name and parameters of each transform; those made of several, one by one."""
    seen: dict[str, int] = {}
    for transform in getattr(pipeline, "fs", pipeline) or ():
        for part in (transform, *_parts(transform)):
            name = _name(part).lstrip("_")
            seen[name] = count = seen.get(name, 0) + 1
            yield (name if count == 1 else f"{name} {count}"), parameters_of(part) or True


def _parts(transform: Any) -> Iterator[Any]:
    for name in _PARTS:
        yield from vars(transform).get(name) or () if hasattr(transform, "__dict__") else ()


def _name(value: Any) -> str:
    if isinstance(value, str):
        return value
    while isinstance(value, partial):
        value = value.func
    own = getattr(value, "__name__", None)
    return own if isinstance(own, str) else type(value).__name__


def _plain(value: Any) -> Any:
    """Return a parameter as plain data; None for what is no parameter: models, files, data."""
    if value is None or isinstance(value, bool | int | float | str):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, slice):
        return [_plain(value.start), _plain(value.stop)]
    if hasattr(value, "tolist") and hasattr(value, "shape"):
        numbers = value.flatten().tolist() if value.shape else value.item()
        is_small = not isinstance(numbers, list) or len(numbers) <= _LIMIT
        return numbers if is_small else None
    if isinstance(value, Mapping | os.PathLike):
        return None
    if isinstance(value, Collection):
        items = [_plain(item) for item in value] if len(value) <= _LIMIT else [None]
        return None if None in items else items
    return named(value) if inspect.isroutine(value) or isinstance(value, partial) else None


def _bytes(item: Any, root: Any) -> bytes:
    if isinstance(item, os.PathLike):
        text = os.fspath(item)
        return str(os.path.relpath(text, root) if root is not None else text).encode()
    if hasattr(item, "tobytes"):
        return bytes(item.tobytes())
    if hasattr(item, "numpy"):
        return bytes(item.detach().cpu().numpy().tobytes())
    return repr(item).encode()


def _length(value: Any) -> int | None:
    try:
        return len(value)
    except TypeError:  # None, or data without a length
        return None
