"""A sample of predictions as a Table: inputs beside what they are and what the model says."""

from typing import Any

import homerun


def sample_table(learn: Any, loader: Any, *, count: int, is_reordered: bool) -> Any:
    """Return predictions for the items of a loader; None when they are of a kind not shown here.

    To be called inside a fit, without the callbacks that would take it for training.
    """
    inputs, _, targets, decoded = learn.get_preds(
        dl=loader, with_input=True, with_decoded=True, inner=True, reorder=is_reordered
    )
    batch = (*_tuple(inputs), *_tuple(targets))
    x, y, pairs, outputs = loader.show_results(batch, decoded, show=False, max_n=count)
    if hasattr(x, "all_cols"):
        return _of_frames(x, y)
    kind, target = _kinds(x), _kinds(y)
    if "TensorImage" in kind and "TensorMask" in target:
        return _of_masks(pairs, outputs)
    both = list(zip(pairs, outputs, strict=False))
    if "TensorImage" in kind:
        rows = [[_image(one[0]), _text(one[1:]), _text(out)] for one, out in both]
        return homerun.Table(columns=["Input image", "Ground_Truth", "Predictions"], data=rows)
    if "TensorText" in kind:
        rows = [[str(one[0]), _text(one[1:]), _text(out)] for one, out in both]
        return homerun.Table(columns=["Text", "Target", "Prediction"], data=rows)
    return None


def _of_frames(x: Any, y: Any) -> Any:
    frame = x.all_cols.copy()
    for name in x.y_names:
        frame[f"{name}_pred"] = y[name].values
    return homerun.Table(dataframe=frame)


def _of_masks(pairs: Any, outputs: Any) -> Any:
    table = homerun.Table(columns=["Input Image", "Ground_Truth", "Prediction"])
    for (image, truth), out in zip(pairs, outputs, strict=False):
        codes = getattr(out[0], "codes", None)
        labels = {} if codes is None else {i: str(name) for i, name in enumerate(codes)}
        shown = [_image(image)]
        for name, mask in (("Ground_Truth", truth), ("Prediction", out[0])):
            data = {"mask_data": mask.cpu().numpy().astype("uint8"), "class_labels": labels}
            shown.append(homerun.Image(_pixels(image), masks={name: data}))
        table.add_data(*shown)
    return table


def _image(image: Any) -> Any:
    return homerun.Image(_pixels(image))


def _pixels(image: Any) -> Any:
    return image.cpu().permute(1, 2, 0).numpy()


def _text(values: Any) -> str:
    """Return one label as it is shown; several, separated by commas."""
    return ", ".join(str(value) for value in values)


def _tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _kinds(value: Any) -> set[str]:
    """Return the names of a tensor's classes."""
    return {kind.__name__ for kind in type(value).__mro__}
