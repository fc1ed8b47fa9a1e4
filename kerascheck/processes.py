"""Sharing work out to processes: each has a stretch of its own and takes, when that is done, from the longest left."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import accumulate
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
    next. When it comes to the end of its stretch it takes about half of what is left of the longest one. Stretches are
    parted where two pieces have least in common.
    """

    def __init__(self, sizes: Sequence[int], count: int, long: int, common: Sequence[int] = ()) -> None:
        """`sizes` of the pieces in any unit, `long` is what makes a piece long; `count` is how many processes work.

        `common` says in any unit how much each piece has in common with the one before it.
        """
        self._long = sorted((at for at, size in enumerate(sizes) if size > long), key=lambda at: sizes[at])
        self._order = [at for at, size in enumerate(sizes) if size <= long]
        self._common = [common[at] if common else 0 for at in self._order]
        self._ends = [0, *accumulate(sizes[at] + 1 for at in self._order)]  # reading nothing takes time, too
        self._left: list[tuple[int, int]] = []  # of each process: its next place in the order, the end of its stretch
        start = 0
        for number in range(count):
            end = self._parted(start, len(self._order), 1 / (count - number))
            self._left.append((start, end))
            start = end

    def take(self, process: int) -> int | None:
        """The next piece for a process; None when all are begun."""
        if self._long:
            return self._long.pop()
        start, end = self._left[process]
        if start == end:
            longest = max(range(len(self._left)), key=lambda other: self._size(*self._left[other]))
            first, end = self._left[longest]
            start = min(self._parted(first, end, 1 / 2), max(end - 1, first))
            self._left[longest] = first, start
            if start == end:
                return None
        self._left[process] = start + 1, end
        return self._order[start]

    def _size(self, start: int, end: int) -> int:
        return self._ends[end] - self._ends[start]

    def _parted(self, start: int, end: int, share: float) -> int:
        """Where about such a share of a stretch ends: a quarter more or less, for pieces that have less in common."""
        wanted, width = self._size(start, end) * share, self._size(start, end) * share / 4
        if share == 1 or start == end:
            return end
        away = {at: abs(self._size(start, at) - wanted) for at in range(start, end + 1)}
        nearest = min(away, key=lambda at: away[at])
        near = [at for at in away if start < at < end and away[at] <= width]
        return min(near, key=lambda at: (self._common[at], away[at]), default=nearest)


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
