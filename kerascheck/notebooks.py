"""Notebooks: the code cells as one Python text, findings mapped back to cells, and fixes that leave all other bytes.

A cell is counted from 1 over all cells of the notebook; lines and columns of findings are within the cell.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import cached_property
from typing import TYPE_CHECKING, Any

from kerascheck import engine
from kerascheck.finding import Excerpt, Finding, PlacedEdit, Related, Severity
from kerascheck.registry import all_rules
from kerascheck.text import Position, SourceText, Span

if TYPE_CHECKING:
    from kerascheck.engine import Checked, Options
    from kerascheck.semantic.project import Project

# Cell magics whose body is Python that runs in the notebook's own process or as if it did.
PYTHON_MAGICS = frozenset(
    {"backend", "capture", "debug", "ipytest", "prun", "pypy", "python", "python3", "time", "timeit"}
)
LARGEST_CODE = 5_000_000  # characters of all code cells together
_BOM = b"\xef\xbb\xbf"
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")
_TIMED = re.compile(r"%(?:time|timeit|prun)[ \t]+(?!-)(?=\S)")
_ASSIGNED = re.compile(r"(?P<left>[\w.](?: *[\w.,\[\]'\"*()])*?)[ \t]*=[ \t]*[!%](?!=)")
# a cell of one line that IPython runs as a magic without its percent sign; Python would take none of them
_AUTOMAGIC = re.compile(r"(?:cat|cd|conda|cp|ls|mkdir|mv|pip|rm|rmdir)[ \t]+(?:[\w./~$]|-+\w)")
# a value that Colab shows as a form: whoever runs the notebook chooses it
_PARAM = re.compile(
    r"(?P<left>[A-Za-z_]\w*[ \t]*=[ \t]*)(?P<value>'[^'\\]*'|\"[^\"\\]*\"|[^#'\" \t]+)"
    r"(?P<right>[ \t]*#[ \t]*@param\b.*)"
)
_BACKEND = re.compile(r"^%%backend[ \t]+(\w+)", re.MULTILINE)
_HELP = re.compile(r"\?{1,2}[\w.*]+\??|[\w.*%\[\]]+\?{1,2}")
_TOKEN = re.compile(r"'''|\"\"\"|'(?:\\.|[^'\\\n])*'?|\"(?:\\.|[^\"\\\n])*\"?|#.*|[(\[{]|[)\]}]", re.DOTALL)
_WATCHED_KEYS = frozenset({"cells", "worksheets", "source", "input", "cell_type"})


class NotebookProblem(ValueError):
    """The notebook cannot be read. `line` and `column` are counted from 1 in the file; `cell` is None or names one."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


class NotebookRefused(Exception):
    """A fix cannot be written without touching more than it should; the text is one line without the path."""


@dataclass(frozen=True)
class NotebookFixed:
    """The bytes after fixing, the fixes that went into them (as findings of the old notebook) and what is left."""

    raw: bytes
    applied: tuple[Finding, ...]
    left: Checked


@dataclass(frozen=True)
class _Line:
    """One line of Python: its text, the line in the cell (from 1) and the columns that were taken off its left."""

    text: str
    number: int
    shift: int
    masked: bool


@dataclass(frozen=True)
class Cell:
    """One Python cell: its index, its source as the notebook holds it, and its lines as Python."""

    index: int
    source: str
    indent: str
    lines: tuple[_Line, ...]

    @cached_property
    def originals(self) -> list[str]:
        """The lines of the source with their line ends."""
        return _LINE.findall(self.source)

    @property
    def text(self) -> str:
        """The lines as Python; the last one ends in a line feed."""
        text = "".join(line.text for line in self.lines)
        return text if text.endswith(("\n", "\r")) else text + "\n"


@dataclass(frozen=True)
class Joined:
    """Python cells in one text, each below a comment that marks its start, and the way back."""

    text: str
    cells: tuple[Cell, ...]
    markers: tuple[str, ...]

    @cached_property
    def _map(self) -> list[tuple[Cell, _Line | None]]:
        """For every line of the text its cell and its line; None for a marker."""
        rows: list[tuple[Cell, _Line | None]] = []
        for cell in self.cells:
            rows.append((cell, None))
            rows.extend((cell, line) for line in cell.lines)
        return rows

    def place(self, position: Position) -> tuple[Cell, Position]:
        """The cell and the place in it; a marker counts as the end of the cell above."""
        rows = self._map
        row = min(position.line, len(rows)) - 1
        cell, line = rows[row]
        if line is None and row == 0:
            return cell, Position(1, 1)
        if line is None or position.line > len(rows):
            cell, line = rows[row - 1] if line is None else rows[row]
            assert line is not None  # a cell has lines, so a marker is not followed by a marker
            return cell, Position(line.number, len(cell.originals[line.number - 1].rstrip("\r\n")) + 1)
        width = len(cell.originals[line.number - 1].rstrip("\r\n"))
        return cell, Position(line.number, min(position.column + line.shift, width + 1))

    def finding(self, finding: Finding) -> Finding:
        """A finding of the joined text as one of its cell."""
        cell, start = self.place(finding.start)
        last, end = self.place(finding.end)
        if last is not cell or (end.line, end.column) < (start.line, start.column):
            end = start
        shown = cell.originals[start.line - 1 : min(end.line, start.line + 2)]
        edits = []
        for edit in finding.edits:
            owner, first = self.place(edit.start)
            _, second = self.place(edit.end)
            edits.append(PlacedEdit(first, second, edit.text, owner.index))
        return replace(
            finding,
            start=start,
            end=end,
            cell=cell.index,
            edits=tuple(edits),
            excerpt=Excerpt(start.line, tuple(line.rstrip("\r\n") for line in shown)),
        )

    def parts(self, text: str) -> list[str]:
        """The text of each cell in a changed text. Raises NotebookRefused when a marker is gone."""
        found: list[str] = []
        start = 0
        for marker in self.markers:
            place = text.find(marker, start)
            if place < 0 or (place and text[place - 1] not in "\r\n"):
                raise NotebookRefused("the fix reaches over the end of a cell")
            if found or place:
                found.append(text[start:place])
            else:
                found.append("")
            start = place + len(marker)
        found.append(text[start:])
        if found[0]:  # what was put above the first cell belongs to it
            found[1] = found[0] + found[1]
        return found[1:]


class Notebook:
    """A notebook that was read: its cells with Python, and what was wrong with the others."""

    def __init__(
        self,
        text: str,
        bom: bool,
        sources: list[tuple[int, str]],
        wrong: list[tuple[int, str]],
        counts: dict[int, int],
        python_2: bool = False,
    ) -> None:
        """`counts` are the execution counts of the cells that were run, by index."""
        self.counts = counts
        self.python_2 = python_2
        self.text = text
        self.bom = bom
        self.wrong = tuple(wrong)
        self.cells = tuple(cell for index, source in sources if (cell := _python_cell(index, source)) is not None)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Notebook:
        """Read a notebook (nbformat 3 and later). Raises NotebookProblem when it is not one."""
        bom = raw.startswith(_BOM)
        try:
            text = raw[len(_BOM) if bom else 0 :].decode("utf-8")
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            raise NotebookProblem("the notebook is not UTF-8", line) from error
        try:
            data = json.loads(text, object_pairs_hook=_object)
        except json.JSONDecodeError as error:
            raise NotebookProblem(f"the notebook is not JSON: {error.msg}", error.lineno, error.colno) from error
        except RecursionError as error:
            raise NotebookProblem("the notebook is nested too deeply") from error
        sources: list[tuple[int, str]] = []
        wrong: list[tuple[int, str]] = []
        counts: dict[int, int] = {}
        python = _is_python(data)
        for index, cell, key in _numbered(data):
            if not isinstance(cell, dict):
                wrong.append((index, f"the cell is not an object but {_kind(cell)}"))
                continue
            if cell.get("cell_type") != "code" or not python or not _is_python_cell(cell):
                continue
            source = cell.get(key, "")
            count = cell.get("execution_count", cell.get("prompt_number"))
            if isinstance(count, int) and not isinstance(count, bool):
                counts[index] = count
            if isinstance(source, list) and all(isinstance(item, str) for item in source):
                sources.append((index, "".join(source)))
            elif isinstance(source, str):
                sources.append((index, source))
            else:
                wrong.append((index, f"`{key}` of the cell is not text but {_kind(source)}"))
        if sum(len(source) for _, source in sources) > LARGEST_CODE:
            raise NotebookProblem(f"the code cells hold more than {LARGEST_CODE // 1_000_000} million characters")
        return cls(text, bom, sources, wrong, counts, _is_python_2(data))

    def joined(self, without: Iterable[int] = ()) -> Joined:
        """The Python cells as one text, but for the cells (by index) in `without`."""
        left_out = set(without)
        cells = tuple(cell for cell in self.cells if cell.index not in left_out)
        tail = ""
        while any(f"# notebook cell{tail}" in cell.source for cell in cells):
            tail += "-"
        says = ", python 2" if self.python_2 else ""
        markers = tuple(f"# notebook cell{tail} {cell.index}{says}\n" for cell in cells)
        return Joined("".join(marker + cell.text for marker, cell in zip(markers, cells)), cells, markers)

    def with_sources(self, changed: dict[int, str]) -> bytes:
        """The notebook's bytes with other sources for some cells (by index); all other bytes stay.

        Raises NotebookRefused when that cannot be done.
        """
        edits: list[tuple[int, int, str]] = []
        for index, start in _source_places(self.text):
            if index in changed:
                edits.append(_spliced(self.text, start, changed[index]))
        text = self.text
        for first, last, new in sorted(edits, reverse=True):
            text = text[:first] + new + text[last:]
        raw = (_BOM if self.bom else b"") + text.encode("utf-8")
        before = {cell.index: cell.source for cell in self.cells}
        try:
            after = {cell.index: cell.source for cell in Notebook.from_bytes(raw).cells}
        except NotebookProblem as error:
            raise NotebookRefused(f"the notebook would be damaged: {error.message}") from error
        if after != {**before, **changed}:
            raise NotebookRefused("the notebook would not hold the fixed cells")
        return raw


def code(raw: bytes) -> str | None:
    """The Python of a notebook as one text, cells that cannot be parsed left out; None when it is no notebook."""
    try:
        notebook = Notebook.from_bytes(raw)
    except NotebookProblem:
        return None
    broken = [cell.index for cell in notebook.cells if not is_python(cell.text)]
    return notebook.joined(broken).text


def is_python(text: str) -> bool:
    """Whether a cell's text can be parsed by itself; `await` may stand outside of functions."""
    try:
        compile(text, "cell", "exec", flags=ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def check(raw: bytes, path: str, options: Options, project: Project | None = None) -> Checked:
    """Find the faults of a notebook. A cell that cannot be parsed is one KC000; the others are still looked at."""
    try:
        notebook = Notebook.from_bytes(raw)
    except NotebookProblem as problem:
        return _unreadable(raw, path, problem, options)
    return _check(notebook, path, options, project)[0]


def fix(raw: bytes, path: str, options: Options, *, unsafe: bool, project: Project | None = None) -> NotebookFixed:
    """Apply fixes to a notebook. Raises NotebookRefused when they cannot be written without touching more."""
    try:
        notebook = Notebook.from_bytes(raw)
    except NotebookProblem as problem:
        return NotebookFixed(raw, (), _unreadable(raw, path, problem, options))
    checked, joined = _check(notebook, path, options, project)
    if not any(finding.fix is not None and (unsafe or finding.fix.safe) for finding in checked.findings):
        return NotebookFixed(raw, (), checked)
    fixed = engine.fix(SourceText(joined.text), path, options, unsafe=unsafe, project=project)
    trouble = tuple(joined.finding(finding) for finding in fixed.left.findings if finding.code == "KC002")
    changed = {
        cell.index: rewritten(cell, part)
        for cell, part in zip(joined.cells, joined.parts(fixed.source.text))
        if part != cell.text
    }
    if not changed:
        return NotebookFixed(raw, (), replace(checked, findings=(*checked.findings, *trouble)))
    after = notebook.with_sources(changed)
    left = check(after, path, options, project)
    new = tuple(item for item in trouble if item.message not in {finding.message for finding in left.findings})
    applied = tuple(
        stage.finding(finding)
        for source, found in fixed.passes
        for stage in [_at(joined, source.text)]
        for finding in found
    )
    return NotebookFixed(after, applied, replace(left, findings=(*left.findings, *new)))


def _at(joined: Joined, text: str) -> Joined:
    """The cells as they are in a text that a pass of fixes made of the joined one."""
    cells = []
    for cell, part in zip(joined.cells, joined.parts(text)):
        changed = cell if part == cell.text else _python_cell(cell.index, rewritten(cell, part))
        cells.append(changed or cell)
    return Joined(text, tuple(cells), joined.markers)


def cell_changes(before: bytes, after: bytes) -> list[tuple[int, str, str]]:
    """The cells that differ between two versions of a notebook: index, old source, new source."""
    old = {cell.index: cell.source for cell in Notebook.from_bytes(before).cells}
    new = {cell.index: cell.source for cell in Notebook.from_bytes(after).cells}
    return [(index, source, new.get(index, "")) for index, source in old.items() if new.get(index, "") != source]


def install_lines(raw: bytes, path: str) -> dict[str, str]:
    """The lines of a notebook that install packages, by their place such as `train.ipynb cell 1:2`."""
    if b"install" not in raw:
        return {}
    try:
        cells = Notebook.from_bytes(raw).cells
    except NotebookProblem:
        return {}
    return {
        f"{path} cell {cell.index}:{number}": line.strip()
        for cell in cells
        for number, line in enumerate(cell.originals, 1)
        if "install" in line and line.lstrip().startswith(("!", "%"))
    }


def backend(raw: bytes) -> str | None:
    """The backend that the cells are for by their `%%backend`; None when they have none, or several."""
    if b"%%backend" not in raw:
        return None
    try:
        sources = [cell.source for cell in Notebook.from_bytes(raw).cells]
    except NotebookProblem:
        return None
    named = {name for source in sources for name in _BACKEND.findall(source)}
    return named.pop() if len(named) == 1 else None


def _check(notebook: Notebook, path: str, options: Options, project: Project | None) -> tuple[Checked, Joined]:
    """Check with broken cells left out; returns the text that was checked too."""
    wanted = replace(options, codes=options.codes | {"KC000"})
    broken: dict[int, Finding] = {}
    joined = notebook.joined()
    while True:
        checked = engine.check(SourceText(joined.text), path, wanted, project)
        problem = next((finding for finding in checked.findings if finding.code == "KC000"), None)
        if problem is None or not joined.cells:
            break
        if not broken:
            broken.update(_broken_alone(notebook, path, wanted))
        placed = joined.finding(problem)
        if not broken.keys() & {cell.index for cell in joined.cells}:  # fine alone, not together
            broken[placed.cell or 0] = placed
        joined = notebook.joined(broken)
    findings = [joined.finding(finding) for finding in checked.findings if finding.code != "KC000"]
    findings = [_with_order(finding, notebook.counts, path) for finding in findings]
    if "KC000" in options.codes:
        findings.extend(broken.values())
        findings.extend(
            replace(_problem(SourceText(""), path, Position(1, 1), message), cell=index, excerpt=None)
            for index, message in notebook.wrong
        )
    findings.sort(key=lambda finding: finding.sort_key)
    return replace(checked, findings=engine.with_fingerprints(findings)), joined


def _with_order(finding: Finding, counts: dict[int, int], path: str) -> Finding:
    """With a note when a cell was run in another order than the cells stand in, and the finding hangs on that."""
    cell = finding.cell or 0
    if cell not in counts or not any(rule.depends_on_order for rule in all_rules() if rule.code == finding.code):
        return finding
    count = counts[cell]
    for other in sorted(counts, key=lambda index: (abs(index - cell), index)):
        if (other < cell) != (counts[other] < count) and counts[other] != count:
            word = "after" if other < cell else "before"
            note = f"was run {word} cell {cell} the last time; the finding is for the order in which the cells stand"
            return replace(finding, related=(*finding.related, Related(path, 1, 1, note, other)))
    return finding


def _broken_alone(notebook: Notebook, path: str, options: Options) -> dict[int, Finding]:
    """The cells that cannot be parsed by themselves, with what is wrong."""
    only = replace(options, codes=frozenset({"KC000"}), keep_unused=True)
    found: dict[int, Finding] = {}
    for cell in notebook.cells:
        alone = notebook.joined(other.index for other in notebook.cells if other is not cell)
        for finding in engine.check(SourceText(alone.text), path, only).findings:
            found[cell.index] = alone.finding(finding)
    return found


def _problem(source: SourceText, path: str, position: Position, message: str) -> Finding:
    place = source.offset(position)
    name = engine.TOOL_NAMES["KC000"]
    return engine.place(
        source, path, Span(place, place), code="KC000", name=name, severity=Severity.ERROR,
        message=f"cannot be parsed: {message}",
    )  # fmt: skip


def _unreadable(raw: bytes, path: str, problem: NotebookProblem, options: Options) -> Checked:
    """The one finding of a notebook that cannot be read."""
    if "KC000" not in options.codes:
        return engine.Checked(())
    lines = raw.split(b"\n", problem.line)
    start = sum(len(line) + 1 for line in lines[: problem.line - 1])
    shown = raw[start : start + 200].split(b"\n")[0].decode("utf-8", "replace")
    finding = _problem(SourceText(shown), path, Position(1, 1), problem.message)
    place = Position(problem.line, problem.column)
    return engine.Checked(
        engine.with_fingerprints([replace(finding, start=place, end=place, excerpt=Excerpt(problem.line, (shown,)))])
    )


# --- reading the JSON


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; a key that matters must not stand twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        for key in found:
            if key in _WATCHED_KEYS and keys.count(key) > 1:
                raise NotebookProblem(f"the key `{key}` stands twice in one object")
    return found


def _numbered(data: object) -> Iterator[tuple[int, object, str]]:
    """Every cell with its index from 1 and the key of its source. Raises NotebookProblem when there are none."""
    if not isinstance(data, dict):
        raise NotebookProblem(f"the notebook is not an object but {_kind(data)}")
    groups: list[object] = []
    key = "source"
    if "cells" in data:
        groups.append(data["cells"])
    elif isinstance(data.get("worksheets"), list):  # nbformat 3
        key = "input"
        groups.extend(sheet.get("cells", []) if isinstance(sheet, dict) else sheet for sheet in data["worksheets"])
    else:
        raise NotebookProblem("the notebook has no `cells`")
    index = 0
    for group in groups:
        if not isinstance(group, list):
            raise NotebookProblem(f"`cells` of the notebook is not an array but {_kind(group)}")
        for cell in group:
            index += 1
            yield index, cell, key


def _is_python(data: object) -> bool:
    """Whether the notebook's kernel runs Python; one that does not say so counts."""
    metadata = data.get("metadata") if isinstance(data, dict) else None
    if not isinstance(metadata, dict):
        return True
    for key, name in (("language_info", "name"), ("kernelspec", "language")):
        table = metadata.get(key)
        language = table.get(name) if isinstance(table, dict) else None
        if isinstance(language, str) and language:
            return language.lower().startswith(("python", "ipython"))
    return True


def _is_python_2(data: object) -> bool:
    """Whether the notebook's kernel runs Python 2, as its metadata say: the version that ran it, else its name."""
    metadata = data.get("metadata") if isinstance(data, dict) else None
    tables = [metadata.get(key) for key in ("language_info", "kernelspec")] if isinstance(metadata, dict) else []
    info, kernel = (table if isinstance(table, dict) else {} for table in (*tables, None, None)[:2])
    version = info.get("version")
    if isinstance(version, str) and version[:1].isdigit():
        return version.startswith("2.")
    return kernel.get("name") == "python2"


def _is_python_cell(cell: dict[str, Any]) -> bool:
    language = cell.get("language", "python")  # nbformat 3
    metadata = cell.get("metadata")
    editor = metadata.get("vscode") if isinstance(metadata, dict) else None
    if isinstance(editor, dict):
        language = editor.get("languageId", language)
    return not isinstance(language, str) or language == "python"


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    kinds = {dict: "an object", list: "an array", str: "a string", int: "a number", float: "a number"}
    return kinds[type(value)]


# --- cells as Python


def _python_cell(index: int, source: str) -> Cell | None:
    """A cell as Python with its magics masked; None when there is no Python in it."""
    originals: list[str] = _LINE.findall(source)
    first = next((number for number, line in enumerate(originals) if line.strip()), None)
    if first is None:
        return None
    start = 0
    # Colab takes a cell magic behind comments, too
    command = next((number for number, line in enumerate(originals) if line.strip() and line.strip()[0] != "#"), first)
    head = originals[command].strip()
    if first == command == len(originals) - 1 and _AUTOMAGIC.match(head):
        return None
    if head.startswith("%%"):
        name = re.match(r"%%(\w*)", head)
        if name is None or name[1] not in PYTHON_MAGICS:
            return None
        start = command + 1
        first = next((number for number in range(start, len(originals)) if originals[number].strip()), None)
        if first is None:
            return None
    indent = originals[first][: len(originals[first]) - len(originals[first].lstrip(" \t"))]
    return Cell(index, source, indent, tuple(_masked(originals, start, indent)))


def _masked(originals: Sequence[str], start: int, indent: str) -> Iterator[_Line]:
    """The lines from `start` on as Python: dedented as IPython does, magics replaced, one line for one line."""
    depth = 0
    quote = ""
    goes_on = False  # after a backslash
    hidden = False  # in a shell command that goes on
    for number, original in enumerate(originals[start:], start + 1):
        shift = len(indent) if original.startswith(indent) else 0
        line = original[shift:]
        if hidden:
            hidden = line.rstrip().endswith("\\")
            yield _Line(line[len(line.rstrip("\r\n")) :], number, shift, True)
            continue
        if not depth and not quote and not goes_on:
            inner = line.rstrip("\r\n")
            body = inner.strip(" \t")
            blank = inner[: len(inner) - len(inner.lstrip(" \t"))]
            end = line[len(blank) + len(body) :]
            timed = _TIMED.match(body)
            if timed is not None:
                line = blank + body[timed.end() :] + end
                shift += timed.end()
            elif (new := _without_magic(body)) is not None:
                hidden = body.endswith("\\")
                yield _Line(blank + new + end, number, shift, True)
                continue
            elif "@param" in body and (chosen := _PARAM.fullmatch(body)) is not None and _is_literal(chosen["value"]):
                unknown = "_" * len(chosen["value"])
                yield _Line(blank + chosen["left"] + unknown + chosen["right"] + end, number, shift, True)
                continue
        depth, quote = _state(line, depth, quote)
        goes_on = not quote and line.rstrip("\r\n").endswith("\\")
        yield _Line(line, number, shift, False)


def _without_magic(body: str) -> str | None:
    """A statement that stands for a magic, a shell command or a call for help; None for anything else."""
    if body[:1] in ("%", "!"):
        return "pass"
    if "?" in body and _HELP.fullmatch(body.rstrip("; \t")):
        return "pass"
    if "!" in body or "%" in body:
        match = _ASSIGNED.match(body)
        if match is not None and _is_whole(match["left"]):
            return f"{match['left']} = get_ipython()"
    return None


def _is_literal(text: str) -> bool:
    try:
        ast.literal_eval(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _is_whole(left: str) -> bool:
    """Whether a text can be what is assigned to: `print("loss = %d"` is cut within a call and a string."""
    return left.count("(") == left.count(")") and left.count("'") % 2 == 0 and left.count('"') % 2 == 0


def _state(line: str, depth: int, quote: str) -> tuple[int, str]:
    """The depth of brackets and the open triple quote behind a line."""
    place = 0
    while place < len(line):
        if quote:
            end = _closing(line, quote, place)
            if end < 0:
                return depth, quote
            quote, place = "", end
            continue
        match = _TOKEN.search(line, place)
        if match is None:
            break
        token, place = match.group(), match.end()
        if token in ("'''", '"""'):
            quote = token
        elif token in "([{":
            depth += 1
        elif token in ")]}":
            depth = max(depth - 1, 0)
    return depth, quote


def _closing(line: str, quote: str, start: int) -> int:
    """The offset behind the closing triple quote, or -1."""
    place = start
    while place < len(line):
        if line[place] == "\\":
            place += 2
        elif line.startswith(quote, place):
            return place + len(quote)
        else:
            place += 1
    return -1


def rewritten(cell: Cell, part: str) -> str:
    """The cell's source with the changes that were made to its Python. Raises NotebookRefused at a magic."""
    old = _LINE.findall(cell.text)
    new = _LINE.findall(part)
    head = cell.originals[: cell.lines[0].number - 1]
    body: list[str] = []
    for kind, first, last, start, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        touched = cell.lines[first:last]
        if kind == "equal":
            body.extend(cell.originals[line.number - 1] for line in touched)
            continue
        if any(line.masked for line in touched):
            raise NotebookRefused(f"the fix reaches into a magic of cell {cell.index}")
        one_for_one = last - first == end - start
        for offset, line in enumerate(new[start:end]):
            if one_for_one:
                origin = touched[offset]
                body.append(cell.originals[origin.number - 1][: origin.shift] + line)
            else:
                if any(item.shift != len(cell.indent) for item in touched if item.text.strip()):
                    raise NotebookRefused(f"the fix reaches into a magic of cell {cell.index}")
                body.append(cell.indent + line if line.strip() else line)
    if body and head and not head[-1].endswith(("\n", "\r")):
        raise NotebookRefused(f"cell {cell.index} has no line for the fix")
    lines = [*head, *body]
    ends = [line.endswith(("\n", "\r")) for line in lines[:-1]]
    lines = [line if ended else line + "\n" for line, ended in zip(lines, ends)] + lines[-1:]
    source = "".join(lines)
    if not cell.source.endswith(("\n", "\r")):
        source = source.removesuffix("\n").removesuffix("\r")
    return source


# --- writing the JSON


_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")


def _skip(text: str, place: int) -> int:
    match = _SPACE.match(text, place)
    return match.end() if match else place


def _members(text: str, place: int) -> Iterator[tuple[str, int]]:
    """The keys of the object at `place` and where their values start."""
    place = _skip(text, place + 1)
    while text[place] != "}":
        key, place = _DECODER.raw_decode(text, place)
        start = _skip(text, _skip(text, place) + 1)
        yield key, start
        place = _skip(text, _DECODER.raw_decode(text, start)[1])
        if text[place] == ",":
            place = _skip(text, place + 1)


def _items(text: str, place: int) -> Iterator[tuple[int, int]]:
    """Start and end of the items of the array at `place`."""
    place = _skip(text, place + 1)
    while text[place] != "]":
        end = _DECODER.raw_decode(text, place)[1]
        yield place, end
        place = _skip(text, end)
        if text[place] == ",":
            place = _skip(text, place + 1)


def _source_places(text: str) -> Iterator[tuple[int, int]]:
    """The index of every cell with a source, and where the source's value starts."""
    index = 0
    top = dict(_members(text, _skip(text, 0)))
    if "cells" in top:
        groups, key = [top["cells"]], "source"
    else:
        groups, key = [], "input"
        for start, _ in _items(text, top["worksheets"]):
            groups.extend(place for name, place in _members(text, start) if name == "cells")
    for group in groups:
        for start, _ in _items(text, group):
            index += 1
            if text[start] == "{":
                place = dict(_members(text, start)).get(key)
                if place is not None:
                    yield index, place


def _spliced(text: str, start: int, new: str) -> tuple[int, int, str]:
    """The change (start, end, text) that makes `new` of the source at `start`; items that stay keep their bytes."""
    if text[start] == '"':
        end = _DECODER.raw_decode(text, start)[1]
        return start, end, _dumped(new, text[start:end])
    places = list(_items(text, start))
    items = [json.loads(text[first:last]) for first, last in places]
    before = after = 0
    offset, limit = 0, len(new)
    while before < len(items) and new.startswith(items[before], offset):
        if items[before] and not items[before].endswith("\n") and offset + len(items[before]) != len(new):
            break
        offset += len(items[before])
        before += 1
    while after < len(items) - before and new.endswith(items[-1 - after], offset, limit):
        length = len(items[-1 - after])
        if length and limit - length > offset and new[limit - length - 1] != "\n":
            break
        limit -= length
        after += 1
    whole = text[places[0][0] : places[-1][1]]
    fresh = [_dumped(line, whole) for line in new[offset:limit].splitlines(keepends=True)]
    lead = text[start + 1 : places[0][0]]
    separator = text[places[0][1] : places[1][0]] if len(places) > 1 else "," + (lead or " ")
    first = places[before][0] if before < len(places) else places[-1][1]
    last = places[len(places) - after - 1][1] if after < len(places) else places[0][0]
    if before + after < len(items):
        if fresh:
            return first, last, separator.join(fresh)
        if before:
            return places[before - 1][1], last, ""
        return first, places[len(places) - after][0], ""
    if after:  # only new lines, above the items that stay
        return first, first, "".join(item + separator for item in fresh)
    return places[-1][1], places[-1][1], "".join(separator + item for item in fresh)


def _dumped(line: str, like: str) -> str:
    """A JSON string, with escapes for letters that are not ASCII, or for `<`, `>` and `&`, when `like` has them."""
    text = json.dumps(line, ensure_ascii=like.isascii() and "\\u" in like)
    for letter, escape in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        if escape in like:
            text = text.replace(letter, escape)
    return text
