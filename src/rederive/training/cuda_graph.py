"""Take a whole training step on a GPU as one: record what it launches once, then replay it as a CUDA graph."""

from collections.abc import Callable, Iterable
from typing import Any


class Captured:
    """A step of tensors on a GPU, recorded for the first shape of batch that it sees, and replayed from then on.

    Batches of another shape, and all batches where the step cannot be recorded, go through the step as it is.

    `step` takes the tensors of a batch and returns the loss; what it changes in place, and no other memory, are the
    tensors that `changed` returns. It may not ask for a value on the way: that would make the processor wait.
    """

    def __init__(self, step: Callable[..., Any], changed: Callable[[], Iterable[Any]]) -> None:
        self.step = step
        self.changed = changed
        self.shapes: list[Any] = []
        self.graph: Any = None
        self.batch: tuple[Any, ...] = ()
        self.loss: Any = None

    def __call__(self, *batch: Any) -> Any:
        """Take a step and return its loss, in memory that no later step touches."""
        shapes = [item.shape for item in batch]
        if not self.shapes:
            self.shapes = shapes
            self._record(batch)
        if self.graph is None or shapes != self.shapes:
            return self.step(*batch)
        for held, item in zip(self.batch, batch, strict=True):
            held.copy_(item)
        self.graph.replay()
        return self.loss.clone()

    def _record(self, batch: tuple[Any, ...]) -> None:
        import torch

        self.batch = tuple(item.clone() for item in batch)
        before = [tensor.clone() for tensor in self.changed()]
        try:
            # First some steps aside, as PyTorch asks: the libraries allocate what they need.
            aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
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
            print(f"the step could not be captured as a CUDA graph; plain steps are taken ({error})", flush=True)
        for tensor, value in zip(self.changed(), before, strict=True):
            tensor.copy_(value)
