"""Files over HTTP: each transfer has a deadline and a largest size, and each failure is one line.

The transfer itself is pooch's. What pooch does not have stands here: its time limit is one between two blocks, so that
a byte a second never ends; it takes as much as is sent; and it compares with the checksum of what is sent, where ours
are those of unpacked files.
"""

import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, TypeVar

from rederive import progress

ANSWER_SECONDS = 6.0  # how long hosts have to answer at all; without a network the error comes after this time
STALL_SECONDS = 30.0  # how long a transfer under way may stand still
GRACE_SECONDS = 60.0  # how long any transfer may take, and a second more for each so many bytes:
SLOWEST = 50_000
BLOCK = 1 << 16

Answer = TypeVar("Answer")


class UnreachableError(OSError):
    """Nothing more is to be had of this host: it does not answer, stalls, or is too slow."""


def get(address: str, largest: int) -> bytes | None:
    """Return what is at an address, or None where there is no such file.

    Raises OSError, in one line, for any other answer and for more than `largest` bytes; `UnreachableError` where the
    host does not answer or does not come to an end within its time.
    """
    import requests

    arrival = _Arrival(address, largest)

    def download() -> bytes | None:
        import pooch

        # As it is: else a server may pack what is packed already.
        headers = {"Accept-Encoding": "identity"}
        limits = (ANSWER_SECONDS, STALL_SECONDS)
        downloader = pooch.HTTPDownloader(progressbar=arrival, chunk_size=BLOCK, timeout=limits, headers=headers)
        try:
            downloader(address, arrival, None)
        except requests.HTTPError as error:
            code, reason = getattr(error.response, "status_code", 0), getattr(error.response, "reason", "")
            if code in (403, 404, 410):
                return None
            raise OSError(f"HTTP error {code} {reason}") from None
        except Exception as error:
            if arrival.total and len(arrival.content) < arrival.total and not arrival.refused:
                told = f"the transfer ended before all of its {arrival.total:,} bytes had come"
                raise OSError(told) from None
            raise _told(error) from None
        finally:
            arrival.close()
        return bytes(arrival.content)

    seconds = GRACE_SECONDS + largest / SLOWEST
    try:
        return within(seconds, download)
    except TimeoutError:
        arrival.refused = "too slow"
        raise UnreachableError(f"no end after {seconds:.0f} s and {len(arrival.content):,} bytes") from None


def is_there(address: str) -> bool:
    """Say whether a file is at an address. Raises UnreachableError where the host does not answer."""
    import requests

    def ask() -> bool:
        try:
            answer = requests.head(address, timeout=ANSWER_SECONDS, allow_redirects=True)
        except Exception as error:
            raise _told(error) from None
        return bool(answer.status_code == 200)

    try:
        return within(2 * ANSWER_SECONDS, ask)
    except TimeoutError:
        raise UnreachableError(f"no answer within {2 * ANSWER_SECONDS:g} s") from None


def silent(addresses: Sequence[str]) -> dict[str, str]:
    """Ask all of `addresses` at once; return those that do not answer within ANSWER_SECONDS, and why."""
    answers: dict[str, str | None] = {}

    def ask(address: str) -> None:

        try:
            code = requests.head(address, timeout=ANSWER_SECONDS, allow_redirects=True)
        except Exception as error:
            answers[address] = str(_told(error))
            return
        # A mirror need not have a page at its root, but what else bars the way (a proxy, say) is no answer.
        fine = code.status_code < 400 or code.status_code in (403, 404, 405, 501)
        answers[address] = None if fine else f"HTTP error {code.status_code} {code.reason}"

    # Threads of our own: looking up a name can hang for longer than any timeout, and must not hold up the exit.
    import requests

    threads = [threading.Thread(target=ask, args=(address,), daemon=True) for address in addresses]
    deadline = time.monotonic() + ANSWER_SECONDS
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    outcomes = {address: answers.get(address, f"no answer within {ANSWER_SECONDS:g} s") for address in addresses}
    return {address: reason for address, reason in outcomes.items() if reason is not None}


def within(seconds: float, work: Callable[[], Answer]) -> Answer:
    """Return what `work` returns, or raise what it raises. Raises TimeoutError where it takes longer.

    It goes on in a thread that ends with the process: what hangs in the system cannot be stopped.
    """
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append((work(), None))
        except BaseException as error:
            outcome.append((None, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise TimeoutError
    answer, error = outcome[0]
    if error is not None:
        raise error
    return answer  # type: ignore[no-any-return]


class _Arrival:
    """What a transfer is written to, and pooch's progress bar: knows how much there is to be, and refuses more."""

    def __init__(self, address: str, largest: int) -> None:
        self.address, self.largest = address, largest
        self.content = bytearray()
        self.refused = ""
        self._total = 0
        self._shown = ExitStack()
        self._advance: Callable[[int], None] | None = None

    @property
    def total(self) -> int:
        """How many bytes the answer says that it has; 0 where it does not."""
        return self._total

    @total.setter
    def total(self, size: int) -> None:
        self._total = size
        self._refuse(size)
        self._advance = self._shown.enter_context(progress.transfer(self.address, size))

    def write(self, block: bytes) -> None:
        """Take a block. Raises OSError where it is one too many."""
        self._refuse(len(self.content) + len(block))
        self.content += block
        if self._advance:
            self._advance(len(block))

    def _refuse(self, size: int) -> None:
        if size > self.largest:
            self.refused = f"it has {size:,} bytes or more, {self.largest:,} are the most that is right"
        if self.refused:
            raise OSError(self.refused)

    def flush(self) -> None:
        """Do nothing."""

    def reset(self) -> None:
        """Do nothing."""

    def update(self, size: int) -> None:
        """Do nothing: what is written is counted."""

    def close(self) -> None:
        """Take the bar away."""
        self._shown.close()


def _told(error: BaseException) -> OSError:
    """Return what went wrong in one line: the innermost reason that the system gives, where it gives one."""
    from requests import ConnectionError, Timeout

    chain: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in chain:
        chain.append(following)
        following = following.__cause__ or following.__context__
    kind = UnreachableError if isinstance(error, ConnectionError | Timeout) else OSError
    if isinstance(error, Timeout) or any(isinstance(each, TimeoutError | socket.timeout) for each in chain):
        return UnreachableError(f"no answer within {STALL_SECONDS:g} s")
    for each in reversed(chain):
        if isinstance(each, socket.gaierror):
            return kind("its name is not known")
        if isinstance(each, OSError) and each.strerror:
            return kind(each.strerror)
    return kind(" ".join(str(chain[-1]).split())[:200] or type(error).__name__)
