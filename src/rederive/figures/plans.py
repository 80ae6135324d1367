"""Which curves stand together: the panels of each figure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PanelPlan:
    """What one panel shows."""

    title: str
    experiments: tuple[str, ...]
    quantity: str = "training_loss"
    log: bool = False


PLANS: dict[str, tuple[str, tuple[PanelPlan, ...]]] = {
    "mnist_activations": (
        "Sigmoid and ReLU on MNIST",
        (
            PanelPlan("Validation accuracy", ("mnist.benchmark", "mnist.relu"), "accuracy"),
            PanelPlan("Training loss", ("mnist.benchmark", "mnist.relu"), log=True),
        ),
    ),
    "mnist_configurations": (
        "Training loss of six configurations on MNIST",
        (
            PanelPlan(
                "Training loss",
                (
                    *("mnist.benchmark", "mnist.width_8", "mnist.two_hidden_layers"),
                    *("mnist.momentum_0.9", "mnist.momentum_0.8", "mnist.he"),
                ),
                log=True,
            ),
        ),
    ),
    "mnist_initialization": (
        "Training loss on MNIST by initialisation",
        (
            PanelPlan("Training loss", ("mnist.benchmark", "mnist.he", "mnist.normal", "mnist.zeros"), log=True),
            PanelPlan(
                "Validation accuracy", ("mnist.benchmark", "mnist.he", "mnist.normal", "mnist.zeros"), "accuracy"
            ),
        ),
    ),
    "mnist_extensions": (
        "Beyond the write-up, on MNIST",
        (
            PanelPlan("Skip connection", ("mnist.two_hidden_layers", "mnist.skip_connections"), log=True),
            PanelPlan("Dropout", ("mnist.benchmark", "mnist.dropout"), log=True),
        ),
    ),
    "cifar10_parameters": (
        "Training loss on CIFAR-10 by hyper-parameter",
        (
            PanelPlan(
                "Learning rate",
                (
                    "cifar10.benchmark",
                    "cifar10.learning_rate_0.01",
                    "cifar10.learning_rate_0.0001",
                    "cifar10.learning_rate_0.0001_batch_4",
                ),
            ),
            PanelPlan("Batch size", ("cifar10.benchmark", "cifar10.batch_1", "cifar10.batch_16", "cifar10.batch_32")),
            PanelPlan("Momentum", ("cifar10.benchmark", "cifar10.momentum_0.8", "cifar10.no_momentum")),
            PanelPlan(
                "Test accuracy by batch size",
                ("cifar10.benchmark", "cifar10.batch_1", "cifar10.batch_16", "cifar10.batch_32"),
                "accuracy",
            ),
        ),
    ),
    "cifar10_variations": (
        "Training loss on CIFAR-10 by network and training",
        (
            PanelPlan("Normalisation and L2", ("cifar10.baseline", "cifar10.batch_norm", "cifar10.sgd_l2")),
            PanelPlan("Optimiser", ("cifar10.baseline", "cifar10.rmsprop", "cifar10.adam", "cifar10.adam_l2")),
            PanelPlan(
                "Width",
                (
                    *("cifar10.baseline", "cifar10.double_filters", "cifar10.double_linear"),
                    "cifar10.batch_norm_adam_double_filters",
                ),
            ),
            PanelPlan(
                "Three convolutional layers",
                ("cifar10.three_conv_adam", "cifar10.three_conv_adamw", "cifar10.three_conv_kl"),
            ),
        ),
    ),
    "cifar10_extensions": (
        "Beyond the write-up, on CIFAR-10",
        (
            PanelPlan("Training loss", ("cifar10.three_conv_adam", "cifar10.residual", "cifar10.dropout")),
            PanelPlan("Test accuracy", ("cifar10.three_conv_adam", "cifar10.residual", "cifar10.dropout"), "accuracy"),
        ),
    ),
}
