"""Python's garbage collector, while source is looked at."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_NEW_OBJECTS = 20_000  # by default the collector looks after 700 (2,000 since 3.13)


@contextmanager
def seldom() -> Iterator[None]:
    """The collector looks at new objects less often: those of a tree stay, and looking at them costs a fifth of a run.

    This holds for the whole process, so only fronts that have one to themselves, or hold it for one file, may use it.
    """
    before = gc.get_threshold()
    if not 0 < before[0] < _NEW_OBJECTS:  # switched off, or seldom enough
        yield
        return
    gc.set_threshold(_NEW_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def give_back() -> None:
    """Collect garbage, and give free memory back to the system where its C library (glibc) can be told to.

    A parser's tree is made of small pieces; when it is gone, glibc keeps their place for more of them, of which there
    are seldom as many again.
    """
    gc.collect()
    if sys.platform != "linux":
        return
    import ctypes  # takes a few milliseconds, which only long files cost

    with suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)
