"""Words on a terminal or in a pipe: stdout and stderr that never fail for a letter."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

CLEAN, FOUND, FAILED, INTERRUPTED = 0, 1, 2, 130


class Failure(Exception):
    """What was asked cannot be done; the text is one line for stderr."""


def many(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def told(problems: Iterable[str]) -> int:
    """Say what could not be done; the exit code for it."""
    code = CLEAN
    for problem in problems:
        say(problem)
        code = FAILED
    return code


def say(text: str) -> None:
    out(f"kerascheck: {text}\n", to_stderr=True)


def out(text: str, to_stderr: bool = False) -> None:
    """Write to stdout or stderr; what their encoding lacks is written as an escape."""
    stream = sys.stderr if to_stderr else sys.stdout
    try:
        stream.write(text)
    except UnicodeEncodeError:
        encoding = stream.encoding or "ascii"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()
