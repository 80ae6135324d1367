"""What can be set in an experiment: the keys of `experiments` in config.yaml, by trainer."""

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from rederive.config import Fraction, NonNegative, Positive, Settings, Size


class NetworkSettings(Settings):
    """What both kinds of network have."""

    learning_rate: Positive = Field(description="step size of the optimiser")
    momentum: Fraction = Field(description="m in v = m v + g, w = w - learning_rate v")
    weight_decay: NonNegative = Field(0.0, description="L2 coefficient (decoupled for AdamW)")
    dropout: Fraction = Field(
        0.0,
        description="share of the hidden units (convolutional: of the last layer's) dropped in training",
    )
    seed_offset: Annotated[int, Field(ge=0)] = Field(
        0, description="added to each seed: draws of its own for a run that would repeat another draw for draw"
    )
    batch_size: Size


class MLPSettings(NetworkSettings):
    """A multilayer perceptron, trained on the project's own engine."""

    hidden_sizes: list[Size] = Field(min_length=1, description="units of each hidden layer")
    activation: Literal["sigmoid", "relu", "tanh"]
    initialization: Literal["glorot_normal", "he_normal", "zeros", "standard_normal"]
    dtype: Literal["float32", "float64"] = Field("float32", description="precision of the arithmetic")
    skip_connections: bool = Field(False, description="add a hidden layer's input to its output where sizes agree")

    @model_validator(mode="after")
    def _something_to_skip(self) -> Self:
        if self.skip_connections and not any(before == after for before, after in pairwise(self.hidden_sizes)):
            raise ValueError(f"skip_connections: no two neighbours of hidden_sizes {self.hidden_sizes} are equal")
        return self


class CNNSettings(NetworkSettings):
    """A convolutional network, trained on PyTorch."""

    conv_channels: list[Size] = Field(min_length=1, description="filters of each convolutional layer")
    kernel_size: Size
    padding: Annotated[int, Field(ge=0)]
    linear_units: list[Size] = Field(description="units of each hidden linear layer")
    batch_norm: bool = Field(False, description="normalise after each convolution")
    residual: bool = Field(False, description="add a block's input to its output")
    optimizer: Literal["sgd", "rmsprop", "adam", "adamw"]
    loss: Literal["cross_entropy", "kl_divergence"]


class VariantSettings(CNNSettings):
    """A convolutional network with other inputs or initial weights, or judged otherwise."""

    pixels: Literal["centred", "unit", "standardised"] = Field(
        "centred", description="scaled to -1..1, to 0..1, or to mean 0 and deviation 1 of each channel"
    )
    initialization: Literal["torch", "glorot_uniform", "he_normal"] = Field(
        "torch", description="of all weights; biases stay PyTorch's"
    )
    test_batch: Annotated[int, Field(ge=0)] = Field(
        0,
        description="judge without eval(), batch norm by the statistics of test batches of so many images; 0: with it",
    )

    @model_validator(mode="after")
    def _is_judged_otherwise(self) -> Self:
        if self.test_batch and (self.dropout or not self.batch_norm):
            raise ValueError("test_batch: only batch norm without dropout is judged without eval()")
        return self
