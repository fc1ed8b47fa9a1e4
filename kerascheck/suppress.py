"""Comments that silence findings: `# noqa`, `# kerascheck: ignore[...]` and `# kerascheck: file-ignore[...]`.

A text without these words costs two searches; a text with them is tokenized only when there is something to silence
or a comment that names one of our codes.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from kerascheck.edits import Applicability, Edit, Fix
from kerascheck.finding import Finding
from kerascheck.text import Span

# flake8/defaults.py, the same in 6.0 to 7.5: one space, upper or lower case, codes separated by commas or spaces.
_NOQA = re.compile(r"# noqa(?::[\s]?(?P<codes>([A-Z]+[0-9]+(?:[,\s]+)?)+))?", re.IGNORECASE)
_IGNORE = re.compile(
    r"#[ \t]*kerascheck:[ \t]*(?P<file>file-)?ignore(?![-\w])(?:[ \t]*\[(?P<codes>[^\]\n]*)\]|(?![ \t]*\[))",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(r"[,\s]+")
_WORD = re.compile(r"noqa:|kerascheck:", re.IGNORECASE)
_OUR_CODE = re.compile(r"KC\d", re.IGNORECASE)
_LINE_END = re.compile(r"[\r\n]|\Z")
_BLANK_TOKENS = {tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


@dataclass(frozen=True)
class Unused:
    """A comment that names selected codes and silences nothing: its place, what to say and the fix that removes it."""

    span: Span
    message: str
    fix: Fix


@dataclass(eq=False)
class _Directive:
    """One suppression in a comment. `codes` is None when it names none; `lines` is None when it means the file."""

    comment: Span
    span: Span
    codes: tuple[str, ...] | None
    codes_span: Span
    lines: tuple[range, ...] | None
    own_line: bool
    bracketed: bool
    used: set[str] = field(default_factory=set)

    def covers(self, line: int) -> bool:
        return self.lines is None or any(line in part for part in self.lines)

    def take(self, finding: Finding) -> bool:
        """Whether this silences the finding; remembers which of its codes did."""
        if not self.covers(finding.start.line):
            return False
        if self.codes is None:
            return True
        hit = {code for code in self.codes if finding.code.startswith(code)}
        if self.bracketed:
            hit.update(code for code in self.codes if code == finding.name)
        self.used |= hit
        return bool(hit)


class Suppressions:
    """The suppressions of one text. `silences` remembers what was of use, `unused` tells what was not."""

    def __init__(self, text: str, *, noqa: bool, active: bool) -> None:
        self._text = text
        self._noqa = noqa
        self._active = active
        self._found: list[_Directive] | None = None

    @classmethod
    def of(cls, text: str, *, noqa: bool) -> Suppressions:
        """The suppressions of `text`; with `noqa` false only those that start with `kerascheck:` count."""
        lowered = text.lower()
        return cls(text, noqa=noqa, active="kerascheck:" in lowered or (noqa and "# noqa" in lowered))

    def silences(self, finding: Finding) -> bool:
        """Whether a comment silences this finding. Lines are those of the text given to `of`."""
        if not self._active:
            return False
        taken = [directive.take(finding) for directive in self._directives()]  # two may be of use for one finding
        return any(taken)

    def unused(self, codes: Collection[str]) -> list[Unused]:
        """The comments that name codes of `codes` and silenced nothing in earlier calls of `silences`.

        Foreign codes, codes that were not looked for and comments without codes are never reported.
        """
        if not self._active or not _names_our_code(self._text):
            return []
        directives = self._directives()
        accepting = [directive for directive in directives if "KC001" in (directive.codes or ())]
        found = []
        for directive in directives:
            idle = [
                code
                for code in dict.fromkeys(directive.codes or ())
                if code in codes and code != "KC001" and code not in directive.used
            ]
            if idle and not self._accepted(directive, accepting):
                found.append(Unused(directive.comment, _message(idle), self._removal(directive, idle)))
        return found

    def _accepted(self, directive: _Directive, accepting: list[_Directive]) -> bool:
        """Whether `KC001` is itself silenced where this comment stands."""
        if not accepting:
            return False
        line = self._text.count("\n", 0, directive.comment.start) + 1
        return any(other.covers(line) for other in accepting)

    def _directives(self) -> list[_Directive]:
        if self._found is None:
            self._found = [directive for comment in _comments(self._text) for directive in self._read(comment)]
        return self._found

    def _read(self, comment: _Comment) -> Iterator[_Directive]:
        whole = Span(comment.start, comment.start + len(comment.text))
        patterns = [(_IGNORE, True), (_NOQA, False)] if self._noqa else [(_IGNORE, True)]
        for pattern, bracketed in patterns:
            match = pattern.search(comment.text)
            if match is None:
                continue
            names = match["codes"]
            place = match.span("codes") if names is not None else (match.end(), match.end())
            lines: tuple[range, ...] | None = comment.statement_lines if bracketed else comment.physical_lines
            if bracketed and match["file"]:
                lines = None
            end = match.end() if bracketed or names is None else match.start("codes") + len(names.rstrip(", \t\r\n"))
            yield _Directive(
                whole,
                Span(comment.start + match.start(), comment.start + end),
                None if names is None else tuple(filter(None, _SEPARATOR.split(names))),
                Span(comment.start + place[0], comment.start + (place[1] if bracketed else end)),
                lines,
                comment.own_line,
                bracketed,
            )

    def _removal(self, directive: _Directive, idle: list[str]) -> Fix:
        kept = [code for code in directive.codes or () if code not in idle]
        listed = ", ".join(f"`{code}`" for code in idle)
        if kept:
            old = self._text[directive.codes_span.start : directive.codes_span.end]
            separator = ", " if ", " in old else "," if "," in old else " "
            edit = Edit(directive.codes_span.start, directive.codes_span.end, separator.join(kept))
            return Fix(f"remove {listed} from the comment", (edit,), Applicability.SAFE)
        return Fix(f"remove the comment for {listed}", (self._without(directive),), Applicability.SAFE)

    def _without(self, directive: _Directive) -> Edit:
        """Take the directive out; what else the comment says stays."""
        text = self._text
        start, end = directive.span.start, directive.span.end
        before = text[directive.comment.start : start]
        after = text[end : directive.comment.end]
        if before.strip("# \t"):
            return Edit(_strip_left(text, start), end, "")
        rest = after.strip()
        if rest:
            gap = len(after) - len(after.lstrip())
            return Edit(directive.comment.start, end + gap, "" if rest.startswith("#") else "# ")
        start, end = _strip_left(text, directive.comment.start), directive.comment.end
        if directive.own_line:
            newline = re.compile(r"\r\n|\n|\r").match(text, end)
            end = newline.end() if newline else end
        return Edit(start, end, "")


@dataclass(frozen=True)
class _Comment:
    """A comment token: its text, its offset, and the lines that it speaks of in the two notations."""

    text: str
    start: int
    own_line: bool
    physical_lines: tuple[range, ...]
    statement_lines: tuple[range, ...]


@dataclass(eq=False)
class _Open:
    """A comment whose lines are not all known yet."""

    text: str
    start: int
    line: int
    own_line: bool
    physical: list[range] = field(default_factory=list)
    statement: list[range] = field(default_factory=list)
    inside: bool = False  # of the statement that is open


def _comments(text: str) -> list[_Comment]:
    """Every comment that may be a suppression, with the lines it speaks of, as far as the text can be tokenized."""
    starts = [0, *(match.end() for match in re.finditer(r"\r\n|\n|\r", text))]
    found: list[_Open] = []
    waiting: list[_Open] = []  # on lines of their own, for the statement or the line that follows
    inside: list[_Open] = []  # in the statement that is open
    row: list[_Open] = []  # on the physical line that is open
    first_line = first_of_statement = 0
    last_line = 0
    decorator = False
    try:
        for token in tokenize.generate_tokens(io.StringIO(text, newline="").readline):
            kind, (start_line, column), end_line = token.type, token.start, token.end[0]
            if kind in (tokenize.DEDENT, tokenize.ENDMARKER):
                continue
            first_line = first_line or start_line
            last_line = max(last_line, end_line)
            if kind == tokenize.COMMENT:
                lowered = token.string.lower()
                if "noqa" in lowered or "kerascheck:" in lowered:
                    own = not token.line[:column].strip() and start_line == first_line
                    comment = _Open(token.string, starts[start_line - 1] + column, start_line, own)
                    found.append(comment)
                    row.append(comment)
                    if own:
                        waiting.append(comment)
                    if first_of_statement:
                        inside.append(comment)
                        comment.inside = True
            elif kind not in _BLANK_TOKENS and kind != tokenize.NEWLINE:
                if not first_of_statement:
                    first_of_statement = start_line
                    decorator = token.string == "@"
                elif waiting and not decorator:
                    for comment in waiting:
                        if comment.inside:
                            comment.statement.append(range(start_line, start_line + 1))
                    waiting = [comment for comment in waiting if not comment.inside]
            if kind in (tokenize.NL, tokenize.NEWLINE):
                for comment in row:
                    comment.physical.append(range(first_line, last_line + 1))
                    comment.statement.append(range(first_line, last_line + 1))
                row.clear()
                first_line = last_line = 0
            if kind == tokenize.NEWLINE and first_of_statement:
                for comment in inside:
                    comment.statement.append(range(first_of_statement, first_of_statement + 1))
                    comment.inside = False
                for comment in waiting:
                    comment.statement.append(range(first_of_statement, end_line + 1))
                if not decorator:  # what stands above a decorator means the class or function too
                    waiting.clear()
                inside.clear()
                first_of_statement = 0
    except (tokenize.TokenError, SyntaxError):
        pass  # the findings of a text that cannot be tokenized to its end keep the comments found so far
    return [
        _Comment(item.text, item.start, item.own_line, tuple(item.physical), tuple(item.statement)) for item in found
    ]


def _names_our_code(text: str) -> bool:
    """Whether a line names one of our codes behind one of our words; each line is read once."""
    place = 0
    while (word := _WORD.search(text, place)) is not None:
        end = _LINE_END.search(text, word.end())
        place = end.start() if end is not None else len(text)
        if _OUR_CODE.search(text, word.end(), place):
            return True
    return False


def _message(idle: list[str]) -> str:
    return f"this comment silences nothing: no {' or '.join(f'`{code}`' for code in idle)} is found here"


def _strip_left(text: str, offset: int) -> int:
    """The offset behind the last character before `offset` that is not a blank on the same line."""
    while offset > 0 and text[offset - 1] in " \t":
        offset -= 1
    return offset
