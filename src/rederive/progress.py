"""Progress for whoever is looking: a moving bar on a terminal, plain lines in a log file."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

Advance = Callable[[int], None]


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
