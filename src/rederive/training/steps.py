"""One step of training as a function of arrays: written once, run as it is, traced, batched over seeds, or captured.

A plain `Step` is the reference. A traced one has its gradient as a fixed list of operations, which saves PyTorch the
book-keeping of differentiation in every step; `Captured` lets a GPU replay the whole step as one CUDA graph. All of
them compute the same within rounding.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call, grad_and_value, vmap
from torch.optim import adam, adamw, rmsprop, sgd

from rederive.config import Cifar10Spec
from rederive.training.networks import ConvolutionalNetwork, loss_function
from rederive.training.recording import recorded

Gradient = Callable[..., tuple[Tensor, ...]]  # of parameters, buffers and a batch: the loss and its gradient


class Optimizer:
    """PyTorch's optimisers, as functions that change lists of tensors in place.

    `moments` are the running averages, one tensor a parameter each; the arithmetic is element by element, so that
    parameters of several seeds, stacked, are updated as each would be alone.
    """

    def __init__(self, spec: Cifar10Spec, parameters: list[Tensor]) -> None:
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

    def __init__(self, spec: Cifar10Spec, networks: Sequence[ConvolutionalNetwork], device: str, traced: bool) -> None:
        self.stacked = len(networks) > 1
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
            parts = [of_one[name].detach() for of_one in tensors]
            joined[name] = laid_out((torch.stack(parts) if self.stacked else parts[0].clone()).to(device))
        return joined

    def _logits(self, parameters: dict[str, Tensor], buffers: dict[str, Tensor], *inputs: Tensor) -> Tensor:
        return functional_call(self.template, (parameters, buffers), inputs)

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


def laid_out(images: Tensor) -> Tensor:
    """Return images, or a convolution's weights, with the channels of a pixel side by side: faster with many."""
    return images.contiguous(memory_format=torch.channels_last) if images.dim() == 4 else images.contiguous()


class Captured:
    """A step on a GPU, recorded once for a shape of batch and then replayed as one CUDA graph.

    Batches of another shape, and all batches where the step cannot be recorded, go through the step as it is.
    """

    def __init__(self, step: Step) -> None:
        self.step = step
        self.shapes: tuple[torch.Size, ...] | None = None
        self.graph: torch.cuda.CUDAGraph | None = None
        self.batch: list[Tensor] = []
        self.loss = torch.empty(0)

    def __call__(self, *batch: Tensor) -> Tensor:
        """Take a step; return a copy of its loss."""
        if self.shapes is None:
            self._record(batch)
        if self.graph is None or tuple(item.shape for item in batch) != self.shapes:
            return self.step(*batch)
        for held, item in zip(self.batch, batch, strict=True):
            held.copy_(item)
        self.graph.replay()
        return self.loss.clone()

    def _record(self, batch: tuple[Tensor, ...]) -> None:
        self.shapes = tuple(item.shape for item in batch)
        self.batch = [item.clone() for item in batch]
        before = {name: tensor.clone() for name, tensor in self.step.state().items()}
        try:
            # Some steps outside of the recording, as PyTorch asks for: libraries allocate what they need.
            aside = torch.cuda.Stream()
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                for _ in range(3):
                    self.step(*self.batch)
            torch.cuda.current_stream().wait_stream(aside)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                self.loss = self.step(*self.batch)
            self.graph = graph
        except RuntimeError as error:
            print(f"the step could not be captured in a CUDA graph, plain steps are taken: {error}", flush=True)
        for name, tensor in self.step.state().items():
            tensor.copy_(before[name])
