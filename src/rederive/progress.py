"""Progress for whoever is looking: a moving bar on a terminal, plain lines in a log file."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

Advance = Callable[[int], None]
Show = Callable[[str, float, str], None]


@contextmanager
def transfer(description: str, size: int) -> Iterator[Advance]:
    """Show the transfer of `size` bytes; the yielded function is told how many bytes have just arrived."""
    console = Console(stderr=True)
    if not console.is_terminal:
        console.print(f"{description} ({size:,} bytes)", highlight=False, soft_wrap=True)
        yield lambda count: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(description, total=size)
        yield lambda count: progress.advance(task, count)


@contextmanager
def shares() -> Iterator[Show]:
    """Show how much of each of some tasks is done, on a terminal; elsewhere, where lines are printed, show nothing.

    The yielded function takes the name of a task, the share that is done, 0 to 1, and a remark.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda name, done, remark: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[remark]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        tasks: dict[str, TaskID] = {}

        def show(name: str, done: float, remark: str) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=1.0, remark=remark)
            progress.update(tasks[name], completed=done, remark=remark)

        yield show
