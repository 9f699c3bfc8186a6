"""Three small classifiers of square images, in numpy alone, trained by Adam."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


class Dense:
    """Each output is a weighted sum of the inputs along the last axis."""

    def __init__(self, n_in, n_out, rng):
        weight = rng.normal(0, (2 / n_in) ** 0.5, (n_in, n_out)).astype(np.float32)
        self.weights = [weight, np.zeros(n_out, np.float32)]

    def forward(self, x):
        self.x = x
        weight, bias = self.weights
        return x @ weight + bias

    def backward(self, gradient):
        weight, _ = self.weights
        x = self.x.reshape(-1, weight.shape[0])
        flat = gradient.reshape(-1, weight.shape[1])
        self.gradients = [x.T @ flat, flat.sum(0)]
        return gradient @ weight.T


class Relu:
    """Negative values become 0."""

    weights = gradients = ()

    def forward(self, x):
        self.is_positive = x > 0
        return x * self.is_positive

    def backward(self, gradient):
        return gradient * self.is_positive


class Flatten:
    """One row per image."""

    weights = gradients = ()

    def forward(self, x):
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, gradient):
        return gradient.reshape(self.shape)


class Patches:
    """Each pixel becomes the 3 x 3 pixels around it: with Dense behind it, a convolution."""

    weights = gradients = ()

    def forward(self, x):
        windows = sliding_window_view(x, (3, 3), axis=(1, 2))
        return windows.reshape(*windows.shape[:3], 9)

    def backward(self, _):
        """Always the first layer: nobody needs the gradient of the images."""


class MeanPool:
    """The mean of each square of 2 x 2."""

    weights = gradients = ()

    def forward(self, x):
        number, height, width, channels = x.shape
        return x.reshape(number, height // 2, 2, width // 2, 2, channels).mean((2, 4))

    def backward(self, gradient):
        return gradient.repeat(2, axis=1).repeat(2, axis=2) / 4


def linear(size, rng):
    return [Flatten(), Dense(size**2, 10, rng)]


def mlp(size, rng):
    return [Flatten(), Dense(size**2, 64, rng), Relu(), Dense(64, 10, rng)]


def convnet(size, rng):
    pooled = (size - 2) // 2
    return [
        *(Patches(), Dense(9, 8, rng), Relu(), MeanPool()),
        *(Flatten(), Dense(pooled**2 * 8, 10, rng)),
    ]


MODELS = {"linear": linear, "mlp": mlp, "convnet": convnet}


class Classifier:
    """A stack of layers that learns from batches and predicts probabilities of 10 classes."""

    def __init__(self, model_name, size, rng):
        if model_name not in MODELS:
            raise ValueError(
                f"model_name {model_name!r} is unknown; use one of {', '.join(MODELS)}"
            )
        if size % 2:
            raise ValueError(f"size {size} is odd; use an even number of pixels")
        self.layers = MODELS[model_name](size, rng)
        self.steps = 0
        self.moments = [
            (np.zeros_like(weight), np.zeros_like(weight))
            for layer in self.layers
            for weight in layer.weights
        ]

    def predict(self, images):
        """Return the probability of each class, one row per image."""
        x = images
        for layer in self.layers:
            x = layer.forward(x)
        odds = np.exp(x - x.max(1, keepdims=True))
        return odds / odds.sum(1, keepdims=True)

    def learn(self, images, labels, learning_rate):
        """Take one step on one batch and return its loss."""
        probabilities = self.predict(images)
        gradient = (probabilities - np.eye(10, dtype=np.float32)[labels]) / len(labels)
        for layer in reversed(self.layers):
            gradient = layer.backward(gradient)
        self.adam(learning_rate)
        return cross_entropy(probabilities, labels)

    def adam(self, learning_rate, beta1=0.9, beta2=0.999, epsilon=1e-8):
        """Move all weights along their gradients (Kingma and Ba, 2015, algorithm 1)."""
        self.steps += 1
        rate = learning_rate * (1 - beta2**self.steps) ** 0.5 / (1 - beta1**self.steps)
        weights = [weight for layer in self.layers for weight in layer.weights]
        gradients = [gradient for layer in self.layers for gradient in layer.gradients]
        for weight, gradient, (mean, square) in zip(weights, gradients, self.moments, strict=True):
            mean[:] = beta1 * mean + (1 - beta1) * gradient
            square[:] = beta2 * square + (1 - beta2) * gradient**2
            weight[:] = weight - rate * mean / (square**0.5 + epsilon)


def cross_entropy(probabilities, labels):
    """Return the mean loss: minus the logarithm of the probability of the true class."""
    return float(-np.log(probabilities[np.arange(len(labels)), labels] + 1e-9).mean())
