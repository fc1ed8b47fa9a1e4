"""What a rule is: it asks a module for facts and reports."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from kerascheck.edits import Applicability, Edit, Fix
from kerascheck.finding import Claim, Severity

if TYPE_CHECKING:
    import libcst as cst

    from kerascheck.semantic.module import Module


@dataclass(frozen=True)
class RelatedNode:
    """Another node that a report speaks of, in this module or in another of the project."""

    module: Module
    node: cst.CSTNode
    message: str


@dataclass(frozen=True)
class RawReport:
    """A rule's report before it has a place: the node, the filled message, the fix in code points."""

    node: cst.CSTNode
    message: str
    severity: Severity
    claim: Claim
    fix: Fix | None
    related: tuple[RelatedNode, ...]
    subject: str


class Rule:
    """Base of all rules. A subclass gives `code`, `severity`, `claim`, `words`, `message` and `check`.

    The rule's name is its module's stem with hyphens. One instance serves one module of the user's program.

    `words`: what is written where there can be a finding, of each group one. They are looked for in the text of the
    checked file and of the files of the project that it imports, which may give a thing another name. A word in small
    letters may stand there in any letters, one with a capital only as it is; comments count, and parts of longer words
    where the word is not given between spaces. A rule is not run without its words, and a file in which no rule has its
    words is not parsed: in doubt there are fewer groups, and more words in each.

    `around`: words that may as well stand in a file which imports the checked one, such as the saving of a model whose
    class is defined here. They only decide whether a file is parsed.
    """

    code: ClassVar[str]
    severity: ClassVar[Severity]
    claim: ClassVar[Claim] = Claim.NONE
    words: ClassVar[tuple[tuple[str, ...], ...]]
    around: ClassVar[tuple[tuple[str, ...], ...]] = ()
    message: ClassVar[str]
    depends_on_order: ClassVar[bool] = False  # whether a finding hangs on what ran before its place

    def __init__(self, module: Module) -> None:
        self.module = module
        self.reports: list[RawReport] = []
        self._said: set[tuple[int, str]] = set()

    @classmethod
    def name(cls) -> str:
        """The rule's name, such as `load-weights-before-build`."""
        return cls.__module__.rpartition(".")[2].replace("_", "-")

    def check(self) -> None:
        """Look at `self.module` and report. Called once."""
        raise NotImplementedError

    def report(
        self,
        node: cst.CSTNode,
        *,
        message: str | None = None,
        severity: Severity | None = None,
        claim: Claim | None = None,
        fix: Fix | None = None,
        related: Iterable[RelatedNode] = (),
        subject: str = "",
        **values: object,
    ) -> None:
        """Report `node`; `values` fill the braces of the message. A node is reported once for each message.

        A node of another file is left to the check of that file.
        """
        if not self.module.owns(node):
            return
        text = (message or self.message).format(**values)
        if (id(node), text) in self._said:
            return
        self._said.add((id(node), text))
        self.reports.append(
            RawReport(
                node,
                text,
                self.severity if severity is None else severity,
                claim or self.claim,
                fix if fix is not None and self._may_write(fix) else None,
                tuple(related),
                subject,
            )
        )

    def _may_write(self, fix: Fix) -> bool:
        return self.module.positions.reliable and all(self.module.may_write(edit.start, edit.end) for edit in fix.edits)


def safe_fix(title: str, edits: Iterable[Edit]) -> Fix:
    """A fix that is applied without being asked for."""
    return Fix(title, tuple(edits), Applicability.SAFE)


def unsafe_fix(title: str, edits: Iterable[Edit]) -> Fix:
    """A fix that is applied with `--unsafe-fixes` only."""
    return Fix(title, tuple(edits), Applicability.UNSAFE)
