"""Specs of small networks."""

from rederive.config import Cifar10Spec, MnistSpec

MLP = {
    "hidden_sizes": [32],
    "activation": "sigmoid",
    "initialization": "glorot_normal",
    "learning_rate": 1e-3,
    "momentum": 0.9,
    "batch_size": 32,
    "epochs": 3,
}
CNN = {
    "conv_channels": [4, 6],
    "kernel_size": 3,
    "padding": 1,
    "linear_units": [16],
    "optimizer": "sgd",
    "loss": "cross_entropy",
    "learning_rate": 0.01,
    "momentum": 0.9,
    "batch_size": 8,
    "epochs": 3,
}


def mnist_spec(**changes) -> MnistSpec:
    return MnistSpec.model_validate(MLP | changes)


def cifar10_spec(**changes) -> Cifar10Spec:
    return Cifar10Spec.model_validate(CNN | changes)
