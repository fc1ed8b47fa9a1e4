"""Sharing work out to processes: each has a stretch of its own and takes, when that is done, from the longest left."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

Piece = TypeVar("Piece")
Result = TypeVar("Result")


class ProcessDied(Exception):
    """A process ended before its work, or none could be begun; what was not yielded yet is not done, or not known."""


class Stretches:
    """Which piece each process works at next.

    Those that are longer than the others are begun first, so that none is left for the end. Pieces that stand beside
    one another have much in common, so a process then goes on where it is: what it has read for one piece serves the
    next. When it comes to the end of its stretch it takes the second half of what is left of the longest one.
    """

    def __init__(self, sizes: Sequence[int], count: int, long: int) -> None:
        """`sizes` of the pieces in any unit, `long` is what makes a piece long; `count` is how many processes work."""
        self._long = sorted((at for at, size in enumerate(sizes) if size > long), key=lambda at: sizes[at])
        self._order = [at for at, size in enumerate(sizes) if size <= long]
        self._sizes = [sizes[at] + 1 for at in self._order]  # reading nothing takes time, too
        self._left: list[tuple[int, int]] = []  # of each process: its next place in the order, the end of its stretch
        whole, start, taken = sum(self._sizes), 0, 0
        for number in range(1, count + 1):
            end = start
            while end < len(self._sizes) and (taken + self._sizes[end] / 2) * count <= whole * number:
                taken += self._sizes[end]
                end += 1
            self._left.append((start, end))
            start = end

    def take(self, process: int) -> int | None:
        """The next piece for a process; None when all are begun."""
        if self._long:
            return self._long.pop()
        start, end = self._left[process]
        if start == end:
            start, end = self._half(max(self._left, key=lambda stretch: sum(self._sizes[slice(*stretch)])))
            if start == end:
                return None
        self._left[process] = start + 1, end
        return self._order[start]

    def _half(self, stretch: tuple[int, int]) -> tuple[int, int]:
        """Takes about half of a stretch, at least one piece, from the process that has it."""
        start, end = stretch
        cut, taken, half = end, 0, sum(self._sizes[start:end]) / 2
        while cut > start and (cut == end or taken + self._sizes[cut - 1] <= half):
            cut -= 1
            taken += self._sizes[cut]
        self._left[self._left.index(stretch)] = start, cut
        return cut, end


class _Processes:
    """The processes that work, each at the other end of a pipe."""

    def __init__(self, work: Callable[[Any], Any], stretches: Stretches, pieces: Sequence[Any]) -> None:
        self._work, self._stretches, self._pieces = work, stretches, pieces
        self._started: list[BaseProcess] = []
        self._ends: list[Connection] = []
        self._busy: dict[Connection, int] = {}

    def start(self, count: int) -> None:
        import multiprocessing

        # forked processes share what is loaded; elsewhere forking is not safe
        forks = sys.platform == "linux"
        context = multiprocessing.get_context("fork") if forks else multiprocessing.get_context("spawn")
        for number in range(count):
            here, there = context.Pipe()
            self._ends.append(here)
            # what a fork copies it closes: the pipe of a process that is gone must end
            copied = tuple(self._ends) if forks else ()
            process = context.Process(target=_serve, args=(there, copied, self._work), daemon=True)
            process.start()
            there.close()
            self._started.append(process)
            self._go_on(number)

    def results(self) -> list[tuple[int, Any]]:
        """What was done since, each with the number of its piece; waits until there is something."""
        from multiprocessing.connection import wait

        found = []
        for end in wait(list(self._busy)):
            number = self._busy.pop(cast("Connection", end))
            found.append(self._ends[number].recv())
            self._go_on(number)
        return found

    def _go_on(self, number: int) -> None:
        at = self._stretches.take(number)
        if at is not None:
            self._ends[number].send((at, self._pieces[at]))
            self._busy[self._ends[number]] = number

    def end(self, finish: bool) -> None:
        """Ends all; those that work at something come to its end before where `finish` is said."""
        for end, number in self._busy.items():
            if finish:
                with suppress(EOFError, OSError):
                    end.recv()
            else:
                self._started[number].terminate()
        for end in self._ends:
            end.close()
        for process in self._started:
            process.join()


def share_out(
    work: Callable[[Piece], Result], pieces: Sequence[Piece], stretches: Stretches, count: int, finish: bool
) -> Iterator[Result]:
    """What `work` makes of each piece, in the order of the pieces, found by `count` processes.

    A piece that was begun and is not asked for any more is done to its end where `finish` is said, and given up
    otherwise. Raises ProcessDied when one of them ends before its work, or none can be begun.
    """
    done: dict[int, Result] = {}
    processes = _Processes(work, stretches, pieces)
    try:
        processes.start(count)
        for at in range(len(pieces)):
            while at not in done:
                done.update(processes.results())
            yield done.pop(at)
    except (EOFError, OSError) as error:
        raise ProcessDied from error
    finally:
        processes.end(finish)


def _serve(end: Connection, copied: Sequence[Connection], work: Callable[[Any], Any]) -> None:
    """What a process does: one piece after the other, until the one that started it is gone or wants no more."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a word; the other one says what there is
    for other in copied:
        other.close()
    with suppress(EOFError, OSError):
        while True:
            at, piece = end.recv()
            end.send((at, work(piece)))
