"""What runs have found, for as long as nothing that it hangs on has changed.

One file in a folder of its own holds a few runs: what one call with these options found in this working folder. In a
run, nodes are what answers hang on (the content of a file, or that there is none; which names a folder has; the import
statements of a whole tree), and edges lead from a file to the nodes that were looked at for it. What was found in a
file is believed while no node that can be reached from it has changed; sizes and times are a first look, and content
is the truth. A damaged file, or one of another version, is as good as none.
"""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from kerascheck.finding import Finding

FORMAT = 1
FOLDER = ".kerascheck_cache"
LARGEST = 200_000_000  # bytes of the file
KEPT_RUNS = 8
RECENT = 2_000_000_000  # nanoseconds; a file changed so shortly before may change again without its time telling

NOTHING, UNSURE, KERAS = 0, 1, 2
"""What a file's own text says: nothing to look at, hangs on the files around it, Keras."""

Stamp = tuple[int, int, int, str]
"""Time of the last change of the content and of the entry (nanoseconds), size in bytes, digest of the content."""


def digest(raw: bytes) -> str:
    """A name for a content."""
    import hashlib

    return hashlib.blake2b(raw, digest_size=12).hexdigest()


class Recorder:
    """What was looked at: the contents of files, the names in folders, and for which file."""

    def __init__(self) -> None:
        self.stamps: dict[str, Stamp | None] = {}  # by absolute path; None: there is none, or it cannot be read
        self.edges: dict[str, set[str]] = {}  # from the absolute path of a file to nodes
        self.common: dict[str, str] = {}  # nodes that everything hangs on, with what they were
        self.trees: dict[str, list[str]] = {}  # by its top, the files of a tree that were looked through
        self.words: dict[str, str] = {}  # by absolute path, a digest of the words in a file's import statements
        self.climbed: set[str] = set()  # folders from which the top of a project was looked for
        self._taken: set[str] = set()

    def needs(self, path: str, nodes: Iterable[str]) -> None:
        """Note that what is found in a file hangs on nodes."""
        self.edges.setdefault(path, set()).update(nodes)

    def all_need(self, path: str) -> None:
        """Note that everything hangs on the content of a file that has been noted."""
        path = os.path.abspath(path)
        stamp = self.stamps.get(path)
        self.common[f"content:{path}"] = "none" if stamp is None else stamp[3]

    def look(self, kind: str, folder: str) -> None:
        """Note that everything hangs on what is in a folder now."""
        node = f"{kind}:{folder}"
        if node not in self.common:
            self.common[node] = LOOKS[kind](folder)

    def tree(self, top: str, files: Iterable[str]) -> None:
        """Note which files a tree has."""
        self.trees[top] = list(files)

    def imports(self, path: str, words: Iterable[str]) -> None:
        """Note the words in the import statements of a file."""
        self.words[path] = words_digest(words)

    def content(self, path: str, status: os.stat_result | None, raw: bytes | None) -> None:
        """Note what a file held; `status` is from before it was read. None, None: there is none."""
        path = os.path.abspath(path)
        stamp = None
        if status is not None and raw is not None:
            stamp = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, digest(raw))
        known = self.stamps.get(path, stamp)
        if (known and known[3]) != (stamp and stamp[3]):
            stamp = (0, 0, -1, "")  # it changed while this ran: never to be believed
            self._taken.discard(path)
        self.stamps[path] = stamp

    def take(self) -> Recorder:
        """What was noted since the last call, for another process."""
        part = Recorder()
        part.stamps = {path: stamp for path, stamp in self.stamps.items() if path not in self._taken}
        self._taken.update(part.stamps)
        part.common = dict(self.common)
        part.edges, self.edges = self.edges, {}
        part.trees, self.trees = self.trees, {}
        part.words, self.words = self.words, {}
        return part

    def add(self, other: Recorder) -> None:
        """Take over what another one, in another process, has noted."""
        for path, stamp in other.stamps.items():
            known = self.stamps.get(path, stamp)
            same = (known and known[3]) == (stamp and stamp[3])
            self.stamps[path] = stamp if same else (0, 0, -1, "")
        for path, nodes in other.edges.items():
            self.edges.setdefault(path, set()).update(nodes)
        self.common.update(other.common)
        self.trees.update(other.trees)
        self.words.update(other.words)


def words_digest(words: Iterable[str]) -> str:
    """A name for a set of words."""
    return digest(" ".join(sorted(words)).encode("utf-8", "surrogatepass"))


def marks_in(folder: str) -> str:
    """Which marks of a project's top a folder has."""
    from kerascheck.files import project_marks

    return " ".join(project_marks(folder))


def sources_in(folder: str) -> str:
    """A digest of the names of the Python files in a folder."""
    return _names(folder, (".py",))


def notebooks_in(folder: str) -> str:
    """A digest of the names of the Python files and notebooks in a folder."""
    return _names(folder, (".py", ".ipynb"))


def requirements_in(folder: str) -> str:
    """A digest of the names of the files in a folder that may tell releases."""
    endings = (".txt", ".in", ".toml", ".lock", ".yml", ".yaml", ".cfg", ".md", ".rst", ".markdown")
    whole = ("pipfile", "setup.py", "requirements", "readme")
    return _names(folder, endings + whole) + _names(os.path.join(folder, "requirements"), endings + whole)


def environments_in(folder: str) -> str:
    """A digest of the files of any name, at the top of a project, from which conda makes environments."""
    from kerascheck.files import environments

    found = b"\0".join(name.encode("utf-8", "surrogateescape") + b"\0" + raw for name, raw in environments(folder))
    return digest(found) if found else ""


def _names(folder: str, endings: tuple[str, ...]) -> str:
    try:
        names = sorted(name for name in os.listdir(folder) if name.lower().endswith(endings))
    except OSError:
        return "none"
    return digest("\0".join(names).encode("utf-8", "surrogateescape")) if names else ""


LOOKS = {
    "marks": marks_in,
    "sources": sources_in,
    "notebooks": notebooks_in,
    "requirements": requirements_in,
    "environments": environments_in,
}


class Entry:
    """What is known of one file. `explicit` says that the user named it.

    `served` says whether a file of kind UNSURE matters. It is None, and `rows` (findings as `encode` writes them) are,
    where that was not asked.
    """

    __slots__ = ("explicit", "kind", "rows", "served", "target")

    def __init__(
        self,
        kind: int,
        explicit: bool,
        served: bool | None = None,
        target: str = "",
        rows: list[Any] | None = None,
    ) -> None:
        self.kind = kind
        self.explicit = explicit
        self.served = served
        self.target = target
        self.rows = rows

    @property
    def findings(self) -> tuple[Finding, ...] | None:
        """The findings; None where they are not known, or damaged."""
        try:
            return None if self.rows is None else decode(self.rows)
        except (TypeError, ValueError, IndexError):
            return None


class Cache:
    """The entries of one kind of run. Open it, ask for entries, put new ones, and write it once at the end."""

    def __init__(self, folder: str, key: str) -> None:
        """`folder` is where the cache is kept, `key` what the findings hang on besides files."""
        self.recorder = Recorder()
        self.exclusions: dict[str, tuple[bool, list[tuple[str, str]]]] = {}  # by folder; `candidates` says of what
        self.ignored: dict[str, dict[str, bool]] = {}  # by a folder that was named, which files below git ignores
        self._place = os.path.join(folder, "runs.json")
        self._folder = folder
        self._key = key
        self._entries: dict[str, Entry] = {}
        self._stamps: dict[str, Stamp | None] = {}
        self._edges: dict[str, set[str]] = {}
        self._common: dict[str, str] = {}
        self._trees: dict[str, list[str]] = {}
        self._words: dict[str, str] = {}
        self._changed = False  # whether there is something to write
        self._started = time.time_ns()
        self.is_known = False  # whether a run like this one was kept
        self._read()

    def entry(self, path: str, explicit: bool) -> Entry | None:
        """What is known of a file of the run; `explicit` says that the user named it."""
        found = self._entries.get(os.path.abspath(path))
        return found if found is not None and found.explicit == explicit else None

    def put(self, path: str, entry: Entry) -> None:
        """Keep what was found out about a file."""
        self._entries[os.path.abspath(path)] = entry
        self._changed = True

    def keep(self, path: str, explicit: bool, target: str, findings: tuple[Finding, ...]) -> None:
        """Keep what was found in a file that is an entry."""
        entry = self.entry(path, explicit)
        if entry is not None:
            self.put(path, Entry(entry.kind, explicit, entry.served, target, encode(findings)))

    # --- reading

    def _read(self) -> None:
        run = self._load().get(self._key)
        try:
            if isinstance(run, dict):
                self._take(run)
                self.is_known = True
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):  # damaged: as if there were none
            self._entries, self._stamps, self._edges = {}, {}, {}
            self.exclusions, self.ignored = {}, {}
            self._common, self._trees, self._words = {}, {}, {}

    def _load(self) -> dict[str, Any]:
        import json

        try:
            with open(self._place, "rb") as file:
                check, _, raw = file.read(LARGEST + 1).partition(b"\n")
            held = json.loads(raw) if check == _check(raw) and len(raw) < LARGEST else None
        except (OSError, ValueError, RecursionError):
            return {}
        if not isinstance(held, dict) or held.get("format") != FORMAT or not isinstance(held.get("runs"), dict):
            return {}
        return held["runs"]  # type: ignore[no-any-return]

    def _take(self, run: dict[str, Any]) -> None:
        paths: list[str] = run["paths"]
        stamps = {path: None if stamp is None else _stamp(stamp) for path, stamp in zip(paths, run["stamps"])}
        nodes = {number: _text(node) for number, node in enumerate(run["nodes"], len(paths))}
        nodes.update(enumerate(paths))
        common = {_text(node): _text(value) for node, value in run["common"].items()}
        for node, value in common.items():
            if self._look(node, stamps) != value:
                self._changed = True
                return  # settings, requirement files or the shape of the project: nothing is believed
        changed = {path for path, stamp in stamps.items() if not self._is_same(path, stamp, stamps)}
        edges = {paths[int(number)]: {nodes[other] for other in others} for number, others in run["edges"].items()}
        trees = {_text(top): [paths[number] for number in numbers] for top, numbers in run["trees"].items()}
        words = {paths[int(number)]: _text(value) for number, value in run["words"].items()}
        for top, files in trees.items():
            kinds = self._changed_tree(top, files, words, changed)
            changed.update(f"{kind}:{top}" for kind in kinds)
        entries = {paths[int(number)]: _entry(values) for number, values in run["entries"].items()}
        self.exclusions = {
            _text(folder): (bool(default), [(_text(base), _text(pattern)) for base, pattern in patterns])
            for folder, (default, patterns) in run["exclusions"].items()
        }
        self.ignored = {
            _text(root): {paths[number]: False for number in left} | {paths[number]: True for number in out}
            for root, (left, out) in run["ignored"].items()
        }
        invalid = _reaching(changed, edges)
        if changed:
            self._changed = True
        for path, entry in entries.items():
            if path in changed:
                continue
            if path in invalid:
                entry = Entry(entry.kind, entry.explicit)
            self._entries[path] = entry
        self._stamps = {path: stamp for path, stamp in stamps.items() if path not in changed}
        self._edges = {path: others for path, others in edges.items() if path not in invalid}
        self._trees = {top: files for top, files in trees.items() if f"names:{top}" not in changed}
        self._words = {path: value for path, value in words.items() if path not in changed}
        self._common = common

    def _look(self, node: str, stamps: dict[str, Stamp | None]) -> str | None:
        """What a node is now."""
        kind, _, path = node.partition(":")
        if kind in LOOKS:
            return LOOKS[kind](path)
        if kind != "content" or path not in stamps:
            return None
        stamp = stamps[path]
        return ("none" if stamp is None else stamp[3]) if self._is_same(path, stamp, stamps) else None

    def _is_same(self, path: str, stamp: Stamp | None, stamps: dict[str, Stamp | None]) -> bool:
        """Whether a file holds what it held; a new time with the same content is noted."""
        try:
            status = os.stat(path)
        except (OSError, ValueError):
            return stamp is None
        if stamp is None:
            return False
        if (status.st_mtime_ns, status.st_ctime_ns, status.st_size) == stamp[:3]:
            return True
        if status.st_size != stamp[2]:
            return False
        try:
            with open(path, "rb") as file:
                content = digest(file.read())
        except OSError:
            return False
        if content != stamp[3]:
            return False
        stamps[path] = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, content)
        self._changed = True
        return True

    def _changed_tree(self, top: str, files: list[str], words: dict[str, str], changed: set[str]) -> list[str]:
        """Which nodes of a tree have changed: the contents of its files, their import statements, their names."""
        from kerascheck.files import tree_files

        if tree_files(top) != files:
            return ["texts", "imports", "names"]
        touched = [path for path in files if path in changed]
        if not touched:
            return []
        from kerascheck.files import read_start
        from kerascheck.semantic.project import imported_words

        def now(path: str) -> str:
            return words_digest(imported_words(path, read_start(path).replace("\r", "\n")))

        return ["texts", *["imports"] * any(now(path) != words.get(path) for path in touched)]

    # --- writing

    def write(self) -> None:
        """Write what is known now, whole or not at all. A disk that refuses only costs the next run its speed."""
        if not self._changed:
            return
        import contextlib
        import json
        import tempfile

        run = self._run()
        runs = {key: value for key, value in self._load().items() if key != self._key}
        kept = dict(list(runs.items())[-(KEPT_RUNS - 1) :])
        text = json.dumps({"format": FORMAT, "runs": {**kept, self._key: run}}, separators=(",", ":"))
        if len(text) > LARGEST:
            text = json.dumps({"format": FORMAT, "runs": {self._key: run}}, separators=(",", ":"))
        temporary = ""
        try:
            os.makedirs(self._folder, exist_ok=True)
            ignore = os.path.join(self._folder, ".gitignore")
            if not os.path.exists(ignore):
                with open(ignore, "w", encoding="utf-8") as file:
                    file.write("# made by kerascheck\n*\n")
            handle, temporary = tempfile.mkstemp(prefix="runs-", dir=self._folder)
            with os.fdopen(handle, "wb") as file:
                file.write(_check(text.encode()) + b"\n" + text.encode())
            os.replace(temporary, self._place)
        except (OSError, ValueError):
            if temporary:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)

    def _run(self) -> dict[str, Any]:
        """What is kept: the valid part of what was there, and what this run has noted."""
        new = self.recorder
        stamps = {**self._stamps, **new.stamps}
        edges = {path: set(nodes) for path, nodes in self._edges.items()}
        for path, nodes in new.edges.items():
            edges.setdefault(path, set()).update(nodes)
        common = {**self._common, **new.common}
        trees = {**self._trees, **new.trees}
        words = {**self._words, **new.words}
        wanted = {path for path in self._entries if stamps.get(path) is not None}
        wanted.update(path for path, nodes in edges.items() if stamps.get(path) is not None)
        wanted.update(node for nodes in edges.values() for node in nodes if not _is_look(node))
        wanted.update(path for files in trees.values() for path in files)
        wanted.update(node.partition(":")[2] for node in common if node.startswith("content:"))
        paths = sorted(path for path in wanted if path in stamps)
        number = {path: place for place, path in enumerate(paths)}
        others = sorted({node for nodes in edges.values() for node in nodes if _is_look(node)})
        number.update({node: place for place, node in enumerate(others, len(paths))})
        return {
            "paths": paths,
            "stamps": [self._kept(stamps[path]) for path in paths],
            "nodes": others,
            "common": common,
            # a node that nobody has a stamp of cannot be believed: the file hangs on itself having another content
            "edges": {
                str(number[path]): sorted(number[node] for node in nodes if node in number)
                for path, nodes in edges.items()
                if path in number
            },
            "trees": {top: [number[path] for path in files] for top, files in trees.items() if all(
                path in number for path in files
            )},
            "words": {str(number[path]): value for path, value in words.items() if path in number},
            "exclusions": self.exclusions,
            "ignored": {
                root: [[number[path] for path, out in known.items() if out is ignored and path in number]
                       for ignored in (False, True)]
                for root, known in self.ignored.items()
            },
            "entries": {
                str(number[path]): [
                    entry.kind, entry.explicit, entry.served, entry.target, entry.rows,
                ]
                for path, entry in self._entries.items()
                if path in number and all(node in number for node in edges.get(path, ()))
            },
        }  # fmt: skip

    def _kept(self, stamp: Stamp | None) -> list[int | str] | None:
        """A stamp as it is written: of a file that may change within the same tick only the content counts."""
        if stamp is None:
            return None
        if max(stamp[:2]) > self._started - RECENT:
            return [-1, -1, stamp[2], stamp[3]]
        return list(stamp)


def _check(raw: bytes) -> bytes:
    """What shows that bytes were damaged."""
    from zlib import crc32

    return b"%08x" % crc32(raw)


def _is_look(node: str) -> bool:
    return node.startswith(("imports:", "texts:"))


def _stamp(values: Sequence[Any]) -> Stamp:
    changed, entered, size, content = values
    return int(changed), int(entered), int(size), _text(content)


def _entry(values: Sequence[Any]) -> Entry:
    kind, explicit, served, target, rows = values
    return Entry(int(kind), bool(explicit), served, _text(target), rows)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"not a text: {value!r}")
    return value


def _reaching(changed: set[str], edges: dict[str, set[str]]) -> set[str]:
    """The nodes from which one of the changed can be reached, those themselves included."""
    users: dict[str, list[str]] = {}
    for path, nodes in edges.items():
        for node in nodes:
            users.setdefault(node, []).append(path)
    found = set(changed)
    queue = list(changed)
    while queue:
        for user in users.get(queue.pop(), ()):
            if user not in found:
                found.add(user)
                queue.append(user)
    return found


# --- findings


def encode(findings: Iterable[Finding]) -> list[Any]:
    """Findings without verdicts as plain lists."""
    return [
        [
            finding.path, finding.code, finding.name, int(finding.severity), finding.message,
            [finding.start.line, finding.start.column], [finding.end.line, finding.end.column], finding.cell,
            None if finding.fix is None else [
                finding.fix.title, [[edit.start, edit.end, edit.text] for edit in finding.fix.edits],
                finding.fix.applicability.value,
            ],
            [
                [edit.start.line, edit.start.column, edit.end.line, edit.end.column, edit.text, edit.cell]
                for edit in finding.edits
            ],
            [[item.path, item.line, item.column, item.message, item.cell] for item in finding.related],
            None if finding.excerpt is None else [finding.excerpt.first_line, list(finding.excerpt.lines)],
            finding.claim.value, finding.subject, finding.fingerprint,
        ]
        for finding in findings
    ]  # fmt: skip


def decode(rows: Iterable[Any]) -> tuple[Finding, ...]:
    """The findings that `encode` wrote. Raises TypeError, ValueError or IndexError when they are damaged."""
    from kerascheck.edits import Applicability, Edit, Fix
    from kerascheck.finding import Claim, Excerpt, Finding, PlacedEdit, Related, Severity
    from kerascheck.text import Position

    found = []
    for row in rows:
        path, code, name, severity, message, start, end, cell, fix, edits, related, excerpt, claim, subject, mark = row
        found.append(
            Finding(
                _text(path), _text(code), _text(name), Severity(severity), _text(message),
                Position(int(start[0]), int(start[1])), Position(int(end[0]), int(end[1])), cell,
                None if fix is None else Fix(
                    _text(fix[0]), tuple(Edit(int(a), int(b), _text(text)) for a, b, text in fix[1]),
                    Applicability(fix[2]),
                ),
                tuple(
                    PlacedEdit(Position(int(a), int(b)), Position(int(c), int(d)), _text(text), inside)
                    for a, b, c, d, text, inside in edits
                ),
                tuple(Related(_text(a), int(b), int(c), _text(d), inside) for a, b, c, d, inside in related),
                None if excerpt is None else Excerpt(int(excerpt[0]), tuple(_text(line) for line in excerpt[1])),
                Claim(claim), _text(subject), None, _text(mark),
            )
        )  # fmt: skip
    return tuple(found)


def program() -> str:
    """A name for this program as it is installed: its version, its files and its parser."""
    from kerascheck import __version__
    from kerascheck.pages import folder

    here = os.path.dirname(os.path.abspath(__file__))
    stamps = [f"{__version__} {sys.version}", *_stamps_below(here), *_stamps_below(folder() or here)]
    for place in sys.path:
        try:
            status = os.stat(os.path.join(place, "libcst"))
        except (OSError, ValueError):
            continue
        stamps.append(f"{place} {status.st_mtime_ns}")
    return digest("\n".join(stamps).encode("utf-8", "surrogateescape"))


def _stamps_below(folder: str) -> list[str]:
    stamps = []
    pending = [folder]
    while pending:
        current = pending.pop()
        try:
            with os.scandir(current) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            if entry.name.endswith((".py", ".toml", ".md")):
                status = entry.stat()
                stamps.append(f"{entry.path} {status.st_mtime_ns} {status.st_size}")
            elif "." not in entry.name and entry.name != "__pycache__" and entry.is_dir(follow_symlinks=False):
                pending.append(entry.path)
    return stamps
