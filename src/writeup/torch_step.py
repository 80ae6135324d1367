"""One step of training on PyTorch: written once, taken as it is or traced, for one network or a stack of them.

A plain `Step` is the reference. A traced one has its gradient as a fixed list of operations, which saves PyTorch the
book-keeping of differentiation in every step. Both can be captured (`rederive.training.cuda_graph`), for one network or
for several side by side. All compute the same within rounding.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call, grad_and_value, vmap
from torch.optim import adam, adamw, rmsprop, sgd

from rederive.training.torch_operations import recorded
from writeup.cnn_networks import ConvolutionalNetwork, loss_function
from writeup.settings import CNNSettings

Gradient = Callable[..., tuple[Tensor, ...]]  # of parameters, buffers and a batch: the loss and its gradient


class Optimizer:
    """PyTorch's optimisers, as functions that change lists of tensors in place.

    `moments` are the running averages, one tensor a parameter each; the arithmetic is element by element, so that
    parameters of several seeds, stacked, are updated as each would be alone.
    """

    def __init__(self, spec: CNNSettings, parameters: list[Tensor]) -> None:
        self.spec = spec
        self.parameters = parameters
        names = {"sgd": ["momentum"] if spec.momentum else [], "rmsprop": ["square"], "adam": ["mean", "square"]}
        names["adamw"] = names["adam"]
        self.moments = {name: [torch.zeros_like(p) for p in parameters] for name in names[spec.optimizer]}
        if spec.optimizer == "rmsprop" and spec.momentum:
            self.moments["momentum"] = [torch.zeros_like(p) for p in parameters]
        self.steps = [torch.zeros((), device=p.device) for p in parameters]

    def state(self, names: Sequence[str]) -> dict[str, Tensor]:
        """Return the tensors that a step changes besides the parameters, of which `names` are the names."""
        state: dict[str, Tensor] = {}
        for moment, tensors in self.moments.items():
            state |= {f"{moment} {name}": tensor for name, tensor in zip(names, tensors, strict=True)}
        if self.spec.optimizer != "sgd":
            state |= {f"steps {name}": tensor for name, tensor in zip(names, self.steps, strict=True)}
        return state

    def step(self, gradients: list[Tensor]) -> None:
        """Change the parameters by one step."""
        spec, moments = self.spec, self.moments
        common: dict[str, Any] = {"lr": spec.learning_rate, "weight_decay": spec.weight_decay, "maximize": False}
        if spec.optimizer == "sgd":
            velocities: list[Tensor | None] = [*moments.get("momentum", [None] * len(gradients))]
            sgd.sgd(
                self.parameters,
                gradients,
                velocities,
                momentum=spec.momentum,
                dampening=0.0,
                nesterov=False,
                foreach=False,
                fused=True,
                **common,
            )
        elif spec.optimizer == "rmsprop":
            rmsprop.rmsprop(
                self.parameters,
                gradients,
                moments["square"],
                [],
                moments.get("momentum", []),
                self.steps,
                foreach=True,
                capturable=self.steps[0].is_cuda,
                alpha=0.99,
                eps=1e-8,
                momentum=spec.momentum,
                centered=False,
                **common,
            )
        else:
            update = {"adam": adam.adam, "adamw": adamw.adamw}[spec.optimizer]
            update(
                self.parameters,
                gradients,
                moments["mean"],
                moments["square"],
                [],
                self.steps,
                foreach=False,
                fused=True,
                amsgrad=False,
                beta1=0.9,
                beta2=0.999,
                eps=1e-8,
                **common,
            )


class Step:
    """The parameters, buffers and moments of one network, or of several stacked along a first axis, and their step.

    Calling it with a batch changes them in place and returns the loss before that, one number for each network. A
    stacked step takes stacked batches.
    """

    def __init__(
        self,
        spec: CNNSettings,
        networks: Sequence[ConvolutionalNetwork],
        device: str,
        layout: torch.memory_format,
        traced: bool,
    ) -> None:
        self.stacked = len(networks) > 1
        self.layout = layout
        self.template = networks[0].to(device)
        self.loss = spec.loss
        self.parameters = self._joined([dict(network.named_parameters()) for network in networks], device)
        self.buffers = self._joined([dict(network.named_buffers()) for network in networks], device)
        self.optimizer = Optimizer(spec, list(self.parameters.values()))
        self.traced = traced
        self._gradients: dict[tuple[torch.Size, ...], Gradient] = {}

    def __call__(self, *batch: Tensor) -> Tensor:
        """Take a step; `batch` is images, labels and, with dropout, its mask."""
        shapes = tuple(item.shape for item in batch)
        if shapes not in self._gradients:
            self._gradients[shapes] = self._trace(batch) if self.traced else self._gradient
        with torch.no_grad():
            loss, *gradients = self._gradients[shapes](*self.parameters.values(), *self.buffers.values(), *batch)
            self.optimizer.step(gradients)
        return loss

    def evaluate(self, images: Tensor) -> Tensor:
        """Return the logits (networks, n, 10), or (n, 10) for a single one, by the running statistics."""
        self.template.eval()
        with torch.no_grad():
            function = vmap(self._logits, in_dims=(0, 0, None)) if self.stacked else self._logits
            logits = function(self.parameters, self.buffers, images)
        self.template.train()
        return logits

    def state(self) -> dict[str, Tensor]:
        """Return every tensor that a step changes, by name; they are the tensors themselves."""
        state = {f"parameter {name}": tensor for name, tensor in self.parameters.items()}
        state |= {f"statistic {name}": tensor for name, tensor in self.buffers.items()}
        return state | self.optimizer.state(list(self.parameters))

    def _joined(self, tensors: list[dict[str, Tensor]], device: str) -> dict[str, Tensor]:
        joined = {}
        for name in tensors[0]:
            parts = [of_one[name].detach().to(device) for of_one in tensors]
            joined[name] = laid_out(torch.stack(parts) if self.stacked else parts[0].clone(), self.layout)
        return joined

    def _logits(self, parameters: dict[str, Tensor], buffers: dict[str, Tensor], *inputs: Tensor) -> Tensor:
        return functional_call(self.template, (parameters, buffers), inputs)  # type: ignore[no-any-return]

    def _loss(
        self, parameters: dict[str, Tensor], buffers: dict[str, Tensor], images: Tensor, labels: Tensor, *keep: Tensor
    ) -> Tensor:
        return loss_function(self.loss, self._logits(parameters, buffers, images, *keep), labels)

    def _gradient(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Return the loss and its gradient; `tensors` are the parameters, the buffers and the batch."""
        count = len(self.parameters)
        parameters = dict(zip(self.parameters, tensors[:count], strict=True))
        buffers = dict(zip(self.buffers, tensors[count:], strict=False))
        batch = tensors[count + len(buffers) :]
        if self.stacked:
            gradients, loss = vmap(grad_and_value(self._loss))(parameters, buffers, *batch)
        else:
            with torch.enable_grad():
                leaves = {name: tensor.detach().requires_grad_() for name, tensor in parameters.items()}
                loss = self._loss(leaves, buffers, *batch)
            gradients = dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True))
        # The optimisers go through the memory of parameter and gradient side by side.
        same_layout = [
            gradients[name]
            if gradients[name].stride() == tensor.stride()
            else torch.empty_like(tensor).copy_(gradients[name])
            for name, tensor in parameters.items()
        ]
        return loss.detach(), *same_layout

    def _trace(self, batch: tuple[Tensor, ...]) -> Gradient:
        """Return `_gradient` for batches of these shapes as a plain list of operations, without their book-keeping."""
        # Recording runs the function, and with it the update of the running statistics: let it have copies.
        copies = [tensor.clone() for tensor in (*self.parameters.values(), *self.buffers.values())]
        return recorded(self._gradient, *copies, *batch)


def laid_out(tensor: Tensor, layout: torch.memory_format) -> Tensor:
    """Return the tensor in a layout, if it is images, or a convolution's weights; another one as it is."""
    return tensor.contiguous(memory_format=layout) if tensor.dim() == 4 else tensor
