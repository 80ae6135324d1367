"""A traced graph as a picture: data flows down, tensors are boxes, operations stand on the way between them.

No program outside Python is needed, and equal graphs give equal files, byte for byte.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rederive.autograd.graph import Tensor, format_shape
from rederive.autograd.graph_text import Graph, describe, describe_gradient, graph_of
from rederive.errors import UserError
from rederive.files import atomic

FONT_SIZE = 8.0  # points, as all lengths here
LINE_HEIGHT = 11.0
PADDING = 6.0
GAP = 18.0  # between boxes that stand side by side
DROP = 12.0  # from one layer to the next

PARAMETER, CONSTANT, RESULT, OPERATION = "#cfe3f5", "#ececec", "#ffffff", "#34495e"


@dataclass
class Box:
    """A tensor or an operation in the picture, or, without lines, the passage of an arrow between others.

    x and y are those of its centre, y counted downwards.
    """

    lines: list[str]
    color: str
    parents: list["Box"]
    width: float
    layer: int = 0
    children: list["Box"] = field(default_factory=list)
    x: float = 0.0
    y: float = 0.0
    height: float = 0.0


def draw_graph(result: Tensor, path: str | Path) -> None:
    """Draw the graph from which `result` was computed, with shapes, small values and gradients.

    The gradients of inner tensors are there after `result.backward(keep_graph=True)`.

    Args:
        result: The last tensor of the graph.
        path: A file to write; its suffix, .svg or .pdf, says what.

    Raises:
        UserError: If the suffix is another.
    """
    path = Path(path)
    if path.suffix not in (".svg", ".pdf"):
        raise UserError(f"{path}: a graph is drawn as .svg or .pdf.")
    boxes = _boxes(graph_of(result))
    _assign_layers(boxes)
    width, height = _place(boxes)
    _paint(boxes, width, height, path)


def _boxes(graph: Graph) -> list[Box]:
    tensors: dict[str, Box] = {}
    boxes = []

    def add(lines: list[str], color: str, parents: list[Box]) -> Box:
        width = max(_text_width(line, bold=i == 0) for i, line in enumerate(lines)) + 2 * PADDING
        boxes.append(Box(lines, color, parents, width, height=LINE_HEIGHT * len(lines) + PADDING))
        return boxes[-1]

    for step in graph.steps:
        tensor = step.tensor
        lines = [step.label, format_shape(tensor.shape)]
        if (value := describe(tensor.value)) and not value.startswith("array"):
            lines.append(value)
        if tensor.grad is not None:
            lines.append(f"gradient {describe_gradient(tensor.grad)}")
        parents = []
        if step.op:
            numbers = [operand for operand in step.operands if operand not in tensors]
            operands = [tensors[operand] for operand in dict.fromkeys(step.operands) if operand in tensors]
            details = ", ".join(filter(None, [*numbers, step.constants]))
            parents = [add([step.op, details] if details else [step.op], OPERATION, operands)]
        color = RESULT if step.op else PARAMETER if tensor.requires_grad else CONSTANT
        tensors[step.label] = add(lines, color, parents)
    return boxes


def _text_width(text: str, bold: bool) -> float:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    font = FontProperties(size=FONT_SIZE, weight="bold" if bold else "normal")
    return TextPath((0, 0), text, prop=font).get_extents().width if text.strip() else 0.0


def _assign_layers(boxes: list[Box]) -> None:
    """Put each box below its parents, leaves just above the first box that uses them; lead long arrows between."""
    for box in boxes:
        box.layer = 1 + max((parent.layer for parent in box.parents), default=-1)
    first_use: dict[int, int] = {}
    for box in boxes:
        for parent in box.parents:
            first_use[id(parent)] = min(box.layer, first_use.get(id(parent), box.layer))
    for box in boxes:
        if not box.parents:
            box.layer = first_use.get(id(box), 1) - 1
    for box in list(boxes):
        for i, parent in enumerate(box.parents):
            for layer in range(parent.layer + 1, box.layer):
                parent = Box([], "", [parent], GAP, layer)
                boxes.append(parent)
            box.parents[i] = parent
    for box in boxes:
        for parent in box.parents:
            parent.children.append(box)


def _place(boxes: list[Box]) -> tuple[float, float]:
    """Give every box its x and y; return the width and height of the whole."""
    layers: list[list[Box]] = [[] for _ in range(1 + max(box.layer for box in boxes))]
    for box in boxes:
        layers[box.layer].append(box)
    for layer in layers:
        _spread(layer)
    # Barycentres (Sugiyama et al. 1981): boxes of a layer in the order of the mean place of their neighbours.
    for _ in range(4):
        for layer in layers:
            layer.sort(key=lambda box: _mean_x(box.parents, box.x))
            _spread(layer)
        for layer in reversed(layers):
            layer.sort(key=lambda box: _mean_x(box.children, box.x))
            _spread(layer)
    y = DROP / 2
    for layer in layers:
        height = max(box.height for box in layer)
        for box in layer:
            box.y = y + height / 2
            box.height = box.height or height
        y += height + DROP
    left = min(box.x - box.width / 2 for box in boxes) - GAP / 2
    for box in boxes:
        box.x -= left
    return max(box.x + box.width / 2 for box in boxes) + GAP / 2, y - DROP / 2


def _spread(layer: list[Box]) -> None:
    total = sum(box.width for box in layer) + GAP * (len(layer) - 1)
    x = -total / 2
    for box in layer:
        box.x = x + box.width / 2
        x += box.width + GAP


def _mean_x(boxes: list[Box], default: float) -> float:
    return sum(box.x for box in boxes) / len(boxes) if boxes else default


def _paint(boxes: list[Box], width: float, height: float, path: Path) -> None:
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

    with mpl.rc_context({"svg.hashsalt": "rederive", "svg.fonttype": "path", "pdf.fonttype": 42}):
        figure = Figure(figsize=(width / 72, height / 72))
        FigureCanvasAgg(figure)
        axes: Any = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, width), ylim=(height, 0))
        axes.axis("off")
        text: dict[str, Any] = {"ha": "center", "va": "center_baseline", "size": FONT_SIZE, "parse_math": False}
        arrow: dict[str, Any] = {"shrinkA": 0, "shrinkB": 0, "color": OPERATION, "linewidth": 0.8}
        for box in boxes:
            for parent in box.parents:
                ends = ((parent.x, parent.y + parent.height / 2), (box.x, box.y - box.height / 2))
                head = "-|>" if box.lines else "-"
                axes.add_patch(FancyArrowPatch(*ends, arrowstyle=head, mutation_scale=7, **arrow))
            if not box.lines:
                axes.vlines(box.x, box.y - box.height / 2, box.y + box.height / 2, color=OPERATION, linewidth=0.8)
                continue
            is_op = box.color == OPERATION
            shape = f"round,pad=0,rounding_size={box.height / 2 if is_op else 3}"
            corner = (box.x - box.width / 2, box.y - box.height / 2)
            axes.add_patch(FancyBboxPatch(corner, box.width, box.height, boxstyle=shape, fc=box.color, ec=OPERATION))
            for i, line in enumerate(box.lines):
                y = box.y + LINE_HEIGHT * (i - (len(box.lines) - 1) / 2)
                axes.text(box.x, y, line, weight="bold" if i == 0 else "normal", color="w" if is_op else "k", **text)
        kind = path.suffix[1:]
        metadata = {"Date": None} if kind == "svg" else {"CreationDate": None}
        with atomic(path) as temporary:
            figure.savefig(temporary, format=kind, metadata=metadata)
