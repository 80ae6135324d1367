"""Specs of small networks."""

from typing import Any

from writeup.settings import CNNSettings, MLPSettings

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


def mlp_spec(**changes: Any) -> MLPSettings:
    return MLPSettings.model_validate(MLP | changes)


def cnn_spec(**changes: Any) -> CNNSettings:
    return CNNSettings.model_validate(CNN | changes)
