"""From which Keras on a file with the function of a `Lambda` layer is refused when it is loaded.

Run on 2.10, 2.11 and 2.12: files, folders and JSON with a Python lambda or a function that is not registered have its
code and are loaded; 2.13.1 and 2.15 refuse all but `.h5` files and folders. 2.2.4 and 2.3.1 run what they read
(read there).
"""

from __future__ import annotations

FIRST_SAFE_MODE = "2.13"


def refused_from(format: str, name: str) -> str:
    """The first release that refuses the function of this name ("": a lambda) in a file of this format.

    Run on 3.0.5 to 3.15.1: an `.h5` file with a lambda is loaded up to 3.10, one with a function that is not registered
    by Keras 2 only.
    """
    if format != ".h5":
        return FIRST_SAFE_MODE
    return "3" if name else "3.11"
