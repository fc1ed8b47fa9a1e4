"""Write kerascheck/data/removed_names.toml: names of Keras 1 and 2 and of TensorFlow 1 that no Keras 3 has.

    python bench/removed_names.py --old PYTHON --sources keras-1.2.2,keras-2.3.1 --new PYTHON --new PYTHON:PYTHONPATH

`--old` is a Python with TensorFlow 2.15, `--sources` are folders that hold unpacked releases of old Keras, and each
`--new` is a Python with a Keras 3, optionally with a PYTHONPATH that puts another release in front. A name is
kept when neither an import nor an attribute reaches it on any `--new`; of `a.b` and `a.b.c` only `a.b` is kept.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

TABLE = Path(__file__).resolve().parent.parent / "kerascheck" / "data" / "removed_names.toml"
# between 2.3.1 and 2.15: in neither of the two lists of candidates
BETWEEN = (
    "keras.layers.experimental",
    "keras.mixed_precision.experimental",
    "keras.utils.training_utils",
    "keras.wrappers.scikit_learn",
    "keras.layers.local",
    "keras.legacy.interfaces",
    "keras.legacy.layers",
    "keras.legacy.models",
)
_CHILD = r"""
import importlib, json, os, sys, types, warnings
warnings.simplefilter("ignore")
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow, keras

def reached(full):
    parts = full.split(".")
    value = importlib.import_module(parts[0])
    for index in range(1, len(parts)):
        try:
            value = getattr(value, parts[index])
        except Exception:
            try:
                value = importlib.import_module(".".join(parts[: index + 1]))
            except BaseException:
                return False
    return True

def public(base, depth, seen):
    try:
        value = importlib.import_module(base)
    except Exception:
        return
    for name in dir(value):
        if name.startswith("_") or name in ("src", "keras") and base.startswith("tensorflow"):
            continue
        try:
            inner = getattr(value, name)
        except Exception:
            continue
        yield f"{base}.{name}"
        if isinstance(inner, types.ModuleType) and depth and id(inner) not in seen and name != "src":
            yield from public(f"{base}.{name}", depth - 1, seen | {id(inner)})

job = json.load(sys.stdin)
if job["names"] is None:
    found = [name for base in job["bases"] for name in public(base, 3, frozenset())]
else:
    found = [name for name in job["names"] if reached(name)]
print("\n" + json.dumps({"keras": keras.__version__, "tensorflow": tensorflow.__version__, "names": found}))
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--old", required=True, metavar="PYTHON")
    parser.add_argument("--sources", default="", metavar="A,B")
    parser.add_argument("--new", action="append", required=True, metavar="PYTHON[:PYTHONPATH]")
    arguments = parser.parse_args()
    keras = ask(arguments.old, names=None, bases=["keras", "tensorflow.keras", "tensorflow.compat.v1.keras"])
    first = ask(arguments.old, names=None, bases=["tensorflow.compat.v1"])
    ends = {name.removeprefix("tensorflow.").removeprefix("keras.") for name in (*keras["names"], *BETWEEN)}
    ends = {end for end in ends if not end.startswith("compat.")}
    for folder in filter(None, arguments.sources.split(",")):
        ends |= {name.removeprefix("keras.") for name in names_in(Path(folder))}
    candidates = {f"{root}.{end}" for root in ("keras", "tensorflow.keras") for end in ends}
    candidates |= {name for name in keras["names"] if name.startswith("tensorflow.compat.v1.keras.backend.")}
    in_first = {name.replace(".compat.v1", "") for name in first["names"]}
    in_second = set(ask(arguments.old, names=sorted(in_first), bases=[])["names"])
    candidates |= in_first - in_second
    releases = [f"Keras {keras['keras']} (TensorFlow {keras['tensorflow']})"]
    for new in arguments.new:
        python, _, path = new.partition(":")
        answer = ask(python, names=sorted(candidates), bases=[], path=path)
        candidates -= set(answer["names"])
        releases.append(f"Keras {answer['keras']} (TensorFlow {answer['tensorflow']})")
        print(releases[-1], len(candidates), file=sys.stderr)
    kept = [name for name in candidates if not any(above in candidates for above in prefixes(name))]
    TABLE.write_text("\n".join(text(kept, releases)), encoding="utf-8")
    return 0


def ask(python: str, *, names: list[str] | None, bases: list[str], path: str = "") -> dict[str, object]:
    """Which names a Python reaches, or, without names, the public names below the bases."""
    environment = {**os.environ, "PYTHONPATH": path, "KERAS_BACKEND": "tensorflow"}
    job = json.dumps({"names": names, "bases": bases})
    done = subprocess.run([python, "-c", _CHILD], input=job, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    answer: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return answer


def names_in(folder: Path) -> Iterator[str]:
    """Every module of an unpacked Keras, and what its packages define in their own files."""
    root = next(path.parent for path in sorted(folder.rglob("keras/__init__.py")))
    for path in sorted(root.rglob("*.py")):
        parts = ["keras", *path.relative_to(root).with_suffix("").parts]
        if parts[-1] == "__init__":
            parts.pop()
        yield ".".join(parts)
        package = parts if path.stem == "__init__" else parts[:-1]
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
                yield ".".join([*parts, node.name])
                if len(package) > 1:
                    yield ".".join([*package, node.name])


def prefixes(name: str) -> Iterator[str]:
    parts = name.split(".")
    return (".".join(parts[:length]) for length in range(1, len(parts)))


def text(names: list[str], releases: list[str]) -> Iterator[str]:
    yield "# Names that no Keras 3 has, by the namespace they are in: neither an import nor an attribute reaches them."
    yield "# Written by bench/removed_names.py. Candidates: the public names of the first release below and of its"
    yield "# TensorFlow 1 (`tensorflow.compat.v1`, where TensorFlow 2 has no such name), and those that the sources of"
    yield "# Keras 1.2.2, 2.0.9 and 2.3.1 define. Tried on:"
    yield from (f"# {release}" for release in releases[1:])
    yield f"# Candidates from {releases[0]}."
    spaces: dict[str, list[str]] = {}
    for name in sorted(names):
        space, _, last = name.rpartition(".")
        spaces.setdefault(space, []).append(last)
    for space, lasts in spaces.items():
        yield f'"{space}" = """'
        line = ""
        for last in lasts:
            if len(line) + len(last) > 116:
                yield line
                line = ""
            line = f"{line} {last}" if line else last
        yield line + '"""'
    yield ""


if __name__ == "__main__":
    raise SystemExit(main())
