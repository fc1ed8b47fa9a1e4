"""Work that is shared out to processes: who does what, in which order it comes back, and what is left at the end."""

from __future__ import annotations

import multiprocessing
import os
import time
from functools import partial
from pathlib import Path

import pytest

from kerascheck.processes import ProcessDied, Stretches, share_out


def taken(sizes: list[int], count: int, long: int = 100, slow: int = -1) -> list[list[int]]:
    """What each process takes when all need the same time for a piece, but one that is slow, which takes one only."""
    stretches = Stretches(sizes, count, long)
    found: list[list[int]] = [[] for _ in range(count)]
    working = set(range(count))
    while working:
        for process in sorted(working):
            piece = stretches.take(process)
            if piece is not None:
                found[process].append(piece)
            if piece is None or process == slow:
                working.discard(process)
    return found


def test_a_process_goes_on_where_it_is() -> None:
    assert taken([1] * 12, 3) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert taken([3, 1, 1, 1, 1, 1, 1, 3], 2) == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_a_process_that_is_done_takes_half_of_what_another_one_has_left() -> None:
    assert taken([1] * 16, 2, slow=0) == [[0], [8, 9, 10, 11, 12, 13, 14, 15, 4, 5, 6, 7, 2, 3, 1]]


def test_stretches_are_parted_where_pieces_have_least_in_common() -> None:
    common = [0, 2, 2, 2, 2, 2, 0, 2, 2, 1, 2, 2, 2, 2, 2, 2]
    stretches = Stretches([1] * 16, 2, 100, common)
    assert [stretches.take(0), stretches.take(1)] == [0, 6]  # not far from the middle, in front of another project
    far = Stretches([1] * 16, 2, 100, [0, 2, 0, *[2] * 13])
    assert [far.take(0), far.take(1)] == [0, 8]  # the other project begins too early to be half of the work


def test_long_pieces_are_begun_first() -> None:
    assert taken([1, 1, 50, 1, 1, 90], 2, long=40) == [[5, 0, 1], [2, 3, 4]]


@pytest.mark.parametrize("count", [1, 2, 3, 7])
@pytest.mark.parametrize("sizes", [[], [0], [0, 0, 0], [5], [1, 200, 3, 0, 7], [900, 1, 1, 1, 1, 1, 1, 1, 1], [1] * 40])
def test_each_piece_is_taken_once(sizes: list[int], count: int) -> None:
    for slow in range(-1, count if count > 1 else 0):
        pieces = [piece for found in taken(sizes, count, slow=slow) for piece in found]
        assert sorted(pieces) == list(range(len(sizes)))


def slept(piece: float, folder: str = "") -> tuple[float, int]:
    time.sleep(piece)
    if folder:
        Path(folder, str(piece)).write_text("done")
    return piece, os.getpid()


def given(pieces: list[float], count: int) -> list[tuple[float, int]]:
    return list(share_out(slept, pieces, Stretches([1] * len(pieces), count, 1), count, finish=False))


def test_what_is_done_comes_back_in_the_order_of_the_pieces() -> None:
    pieces = [0.2, 0.0, 0.1, 0.0, 0.05, 0.0]
    found = given(pieces, 3)
    assert [piece for piece, _ in found] == pieces
    assert 1 < len({process for _, process in found}) <= 3
    assert os.getpid() not in {process for _, process in found}
    assert given([], 2) == []


def test_nothing_is_left_behind_when_no_more_is_asked_for() -> None:
    results = share_out(slept, [0.0, 60.0, 60.0], Stretches([1, 1, 1], 2, 1), 2, finish=False)
    assert next(results)[0] == 0.0
    started = time.monotonic()
    results.close()  # type: ignore[attr-defined]
    assert time.monotonic() - started < 30
    assert not multiprocessing.active_children()


def test_what_was_begun_is_finished_where_it_writes(tmp_path: Path) -> None:
    work = partial(slept, folder=str(tmp_path))
    results = share_out(work, [0.0, 1.0, 0.5], Stretches([1, 1, 1], 2, 1), 2, finish=True)
    assert next(results)[0] == 0.0
    results.close()  # type: ignore[attr-defined]
    assert (tmp_path / "1.0").exists()
    assert not multiprocessing.active_children()


def died(piece: int) -> int:
    if piece == 3:
        os._exit(9)
    return piece


def test_a_process_that_dies_is_told() -> None:
    found = []
    with pytest.raises(ProcessDied):
        found.extend(share_out(died, [1, 2, 3, 4], Stretches([1, 1, 1, 1], 2, 1), 2, finish=True))
    assert not multiprocessing.active_children()


def large(piece: int) -> bytes:
    return bytes(piece)


def test_large_results_do_not_block(tmp_path: Path) -> None:
    sizes = [3_000_000, 10, 2_000_000, 5_000_000]
    found = list(share_out(large, sizes, Stretches(sizes, 2, 10_000_000), 2, finish=True))
    assert [len(item) for item in found] == sizes
