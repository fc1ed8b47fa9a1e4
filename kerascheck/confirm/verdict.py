"""What the results of an experiment say of a claim, with the numbers or the exception that Keras gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kerascheck.confirm.plan import Experiment
from kerascheck.confirm.sandbox import Limits, Result
from kerascheck.finding import Status

_LONGEST = 240  # characters of an exception in the evidence


def judge(experiment: Experiment, results: Sequence[Result], limits: Limits) -> tuple[Status, str]:
    """The status and one line of evidence."""
    for result in results:
        if result.failure == "time":
            return Status.COULD_NOT_RUN, f"not done after {limits.experiment_seconds:g} s"
        if result.failure == "memory":
            return Status.COULD_NOT_RUN, f"took more than {limits.memory_megabytes} MB"
        if result.failure:
            return Status.COULD_NOT_RUN, "the process died"
        if "failed" in result.facts:
            name = result.facts.get("missing")
            hint = f" (`{name}` is missing)" if name else ""
            return Status.COULD_NOT_RUN, _short(result.facts["failed"]) + hint
    status, evidence = _JUDGES[experiment.name]([result.facts for result in results])
    notes = list(experiment.stand_ins)
    if any(result.facts.get("stand_in") for result in results):
        notes.append("a small model in place of the program's")
    if notes:
        evidence += f"; with {', '.join(notes[:3])}"
    return status, evidence


def _short(text: object) -> str:
    line = " ".join(str(text).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."


def _is(condition: bool) -> Status:
    return Status.CONFIRMED if condition else Status.REFUTED


def _load(facts: Sequence[Mapping[str, Any]]) -> tuple[Status, str]:
    fact = facts[0]
    if "raised" in fact:
        return Status.CONFIRMED, _short(fact["raised"])
    agreement = fact.get("agreement")
    lost = fact["loaded"] < fact["weights"] or fact["outputs_differ"]
    evidence = f"{fact['loaded']} of {fact['weights']} weights equal after the load"
    if agreement is not None:
        evidence = f"accuracy 1.00 before save, {agreement:.2f} after load; {evidence}"
    elif fact["outputs_differ"]:
        evidence += ", other predictions"
    return _is(lost), evidence


def _save(facts: Sequence[Mapping[str, Any]]) -> tuple[Status, str]:
    fact = facts[0]
    if "raised" in fact:
        return Status.CONFIRMED, _short(fact["raised"])
    return _is(fact["stored"] < fact["weights"]), f"{fact['stored']} of {fact['weights']} weights in the file"


def _raises(facts: Sequence[Mapping[str, Any]]) -> tuple[Status, str]:
    raised = facts[0].get("raised")
    return (Status.CONFIRMED, _short(raised)) if raised else (Status.REFUTED, "no exception")


def _metric(facts: Sequence[Mapping[str, Any]]) -> tuple[Status, str]:
    logged, right = facts[0]["logged"], facts[0]["by_hand"]
    if facts[0].get("weak"):
        return Status.NOT_REACHED, "the outputs are all on one side of the border: no labels tell the two apart"
    return _is(abs(logged - right) > 1e-3), f"logged {logged:.3f}, {right:.3f} by hand"


def _flag(facts: Sequence[Mapping[str, Any]]) -> tuple[Status, str]:
    fact = facts[0]
    if not fact["calls"]:
        return Status.NOT_REACHED, "no layer that needs the flag was called"
    lost = fact["inference"]
    if lost:
        return Status.CONFIRMED, f"in fit never in training mode: {', '.join(lost)}"
    return Status.REFUTED, "every such layer ran in training mode in fit"


def _runs(facts: Sequence[Mapping[str, Any]]) -> tuple[Status, str]:
    values = [str(fact["value"]) for fact in facts]
    different = len(set(values))
    shown = " / ".join(dict.fromkeys(value[:60] for value in values))
    return _is(different > 1), f"{different} different results in {len(values)} processes: {shown}"


_JUDGES = {
    "load_weights": _load,
    "save_early": _save,
    "suffix": _raises,
    "statement": _raises,
    "metric": _metric,
    "training_flag": _flag,
    "run_once": _runs,
}
