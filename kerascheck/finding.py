"""What kerascheck says about a program: findings, their severity, claims and verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum

from kerascheck.edits import Fix
from kerascheck.text import Position


class Severity(IntEnum):
    """ERROR raises or is silently wrong; WARNING does so under a condition the source cannot settle; INFO: hygiene."""

    INFO = 1
    WARNING = 2
    ERROR = 3

    @property
    def label(self) -> str:
        """The word shown to users."""
        return self.name.lower()


class Claim(Enum):
    """What confirm mode must observe for a finding to be true."""

    LOAD_RAISES = "load-raises"
    SAVE_RAISES = "save-raises"
    CALL_RAISES = "call-raises"
    LOAD_HANGS = "load-hangs"
    WEIGHTS_NOT_LOADED = "weights-not-loaded"
    OUTPUTS_DIFFER = "outputs-differ"
    CONFIG_DIFFERS = "config-differs"
    STATE_LOST = "state-lost"
    SHARING_LOST = "sharing-lost"
    RUNS_DIFFER = "runs-differ"
    METRIC_WRONG = "metric-wrong"
    TRAINING_FLAG_LOST = "training-flag-lost"
    NOT_TRAINED = "not-trained"
    LEAK = "leak"
    CODE_RUNS = "code-runs"
    CONSTANT_OUTPUT = "constant-output"
    EQUAL_WEIGHTS = "equal-weights"
    WRONG_EPOCH_KEPT = "wrong-epoch-kept"
    WRONG_BACKEND = "wrong-backend"
    MEMORY_GROWS = "memory-grows"
    NONE = "none"


class Status(Enum):
    """How an experiment ended."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    NOT_REACHED = "not-reached"
    COULD_NOT_RUN = "could-not-run"


@dataclass(frozen=True)
class Verdict:
    """What a real round trip showed: the numbers or the exception, on which Keras, in how many seconds."""

    status: Status
    evidence: str
    keras: str
    backend: str
    seconds: float


@dataclass(frozen=True)
class PlacedEdit:
    """An edit in lines and columns (from 1, code points), for reports; in a notebook lines are within the cell."""

    start: Position
    end: Position
    text: str
    cell: int | None = None


@dataclass(frozen=True)
class Related:
    """Another place that a finding speaks of, such as where the file was saved.

    `line` and `column` are counted from 1, in a notebook within `cell`, which is counted from 1 over all cells.
    """

    path: str
    line: int
    column: int
    message: str
    cell: int | None = None


@dataclass(frozen=True)
class Excerpt:
    """The lines of code that a report shows; `first_line` is counted from 1."""

    first_line: int
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Finding:
    """One fault at one place. Lines and columns are counted from 1, columns in code points, the end is exclusive."""

    path: str
    code: str
    name: str
    severity: Severity
    message: str
    start: Position
    end: Position
    cell: int | None = None
    fix: Fix | None = None
    edits: tuple[PlacedEdit, ...] = ()
    related: tuple[Related, ...] = ()
    excerpt: Excerpt | None = None
    claim: Claim = Claim.NONE
    subject: str = ""
    verdict: Verdict | None = None
    fingerprint: str = ""

    @property
    def refuted(self) -> bool:
        """Whether an experiment showed that this does not happen; such a finding is listed and does not count."""
        return self.verdict is not None and self.verdict.status is Status.REFUTED

    @property
    def sort_key(self) -> tuple[object, ...]:
        """By file and place, then code."""
        return (self.path, self.cell or 0, self.start.line, self.start.column, self.code, self.message)
