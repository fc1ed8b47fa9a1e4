"""What the results of an experiment say of a claim, with the numbers or the exception that Keras gave."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kerascheck.confirm.plan import Experiment
from kerascheck.confirm.sandbox import Limits, Result
from kerascheck.finding import Claim, Status

_LONGEST = 240  # characters of an exception in the evidence


def judge(experiment: Experiment, results: Sequence[Result], limits: Limits) -> tuple[Status, str]:
    """The status and one line of evidence."""
    for result in results:
        if result.failure == "time":
            return Status.COULD_NOT_RUN, f"not done after {limits.experiment_seconds:g} s"
        if result.failure == "memory":
            return Status.COULD_NOT_RUN, f"took more than {limits.memory_megabytes} MB"
        if result.failure == "garbage":
            return Status.COULD_NOT_RUN, "the process left a result that cannot be read"
        if result.failure:
            return Status.COULD_NOT_RUN, "the process died"
        if "failed" in result.facts:
            return Status.COULD_NOT_RUN, _failure(result.facts)
        if "skipped" in result.facts:
            return Status.NOT_REACHED, _short(result.facts["skipped"])
    try:
        status, evidence = _JUDGES[experiment.name]([result.facts for result in results], experiment)
    except (KeyError, TypeError, ValueError, AttributeError):  # the program can write what it likes there
        return Status.COULD_NOT_RUN, "the process left a result that cannot be read"
    notes = list(experiment.stand_ins)
    if any(result.facts.get("past_lambda") for result in results):
        notes.append("safe_mode off, for the lambda in the file")
    if any(result.facts.get("stand_in") for result in results):
        notes.append("a small model in place of the program's")
    if notes:
        evidence += f"; with {', '.join(list(dict.fromkeys(notes))[:3])}"
    return status, evidence


def _failure(facts: Mapping[str, Any]) -> str:
    """Why an experiment could not be run: what is missing, and when that is a part of Keras itself."""
    name = str(facts.get("missing") or "")
    if name.startswith(("keras.", "tensorflow.")):
        return f"the program is for another release, this one has no `{name}`: {_short(facts['failed'])}"
    return _short(facts["failed"]) + (f" (`{name}` is missing)" if name else "")


def _short(text: object) -> str:
    line = " ".join(str(text).split())
    _, found, cause = line.rpartition("Exception encountered: ")  # Keras puts the reason at the end
    if found and len(line) > _LONGEST:
        line = f"{line.partition(':')[0]}: {cause}"
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."


def _around(line: str, part: str) -> str:
    """A text in short, with the sentence that has a part of it."""
    brief, wanted = _short(line), " ".join(part.split())
    if wanted in brief or wanted not in line:
        return brief
    start = line.rfind(". ", 0, line.index(wanted)) + 2
    return f"{line.partition(':')[0]}: {_short(line[start:])}"


def _is(condition: bool) -> Status:
    return Status.CONFIRMED if condition else Status.REFUTED


def _load(facts: Sequence[Mapping[str, Any]], experiment: Experiment) -> tuple[Status, str]:
    fact = facts[0]
    if "raised" in fact:
        return _exception("loading", fact["raised"], experiment, True)
    agreement = fact.get("agreement")
    lost = fact["loaded"] < fact["weights"] or fact["outputs_differ"]
    evidence = f"{fact['loaded']} of {fact['weights']} weights equal after the load"
    if agreement is not None and (agreement < 1.0 or not lost):
        evidence = f"accuracy 1.00 before save, {agreement:.2f} after load; {evidence}"
    elif fact["outputs_differ"]:
        evidence += ", other predictions"
    return _is(lost), evidence


def _save(facts: Sequence[Mapping[str, Any]], experiment: Experiment) -> tuple[Status, str]:
    fact = facts[0]
    if "raised" in fact:
        return _exception("saving", fact["raised"], experiment, True)
    return _is(fact["stored"] < fact["weights"]), f"{fact['stored']} of {fact['weights']} weights in the file"


def _raises(facts: Sequence[Mapping[str, Any]], experiment: Experiment) -> tuple[Status, str]:
    raised = facts[0].get("raised")
    return _exception("it", raised, experiment, True) if raised else (Status.REFUTED, "no exception")


def _metric(facts: Sequence[Mapping[str, Any]], experiment: Experiment) -> tuple[Status, str]:
    logged, right = facts[0]["logged"], facts[0]["by_hand"]
    if facts[0].get("weak"):
        return Status.NOT_REACHED, "the outputs are all on one side of the border: no labels tell the two apart"
    return _is(abs(logged - right) > 1e-3), f"logged {logged:.3f}, {right:.3f} by hand"


def _flag(facts: Sequence[Mapping[str, Any]], experiment: Experiment) -> tuple[Status, str]:
    fact = facts[0]
    if not fact["calls"]:
        return Status.NOT_REACHED, "no layer that needs the flag was called"
    lost = fact["inference"]
    if lost:
        return Status.CONFIRMED, f"in fit never in training mode: {', '.join(lost)}"
    return Status.REFUTED, "every such layer ran in training mode in fit"


def _runs(facts: Sequence[Mapping[str, Any]], experiment: Experiment) -> tuple[Status, str]:
    values = [str(fact["value"]) for fact in facts]
    different = len(set(values))
    shown = " / ".join(dict.fromkeys(value[:60] for value in values))
    if different == 1 and experiment.parameters.get("small"):
        return Status.NOT_REACHED, f"{len(values)} processes give the same, and another model may not: {shown}"
    return _is(different > 1), f"{different} different results in {len(values)} processes: {shown}"


# claims that no exception of a load shows
_SILENT = frozenset({Claim.SAVE_RAISES, Claim.STATE_LOST, Claim.OUTPUTS_DIFFER})


def _roundtrip(facts: Sequence[Mapping[str, Any]], experiment: Experiment) -> tuple[Status, str]:
    fact, claim = facts[0], experiment.claim
    if "save_raised" in fact:
        right = claim in {Claim.SAVE_RAISES, Claim.LOAD_RAISES, Claim.SHARING_LOST}
        return _exception("saving", fact["save_raised"], experiment, right)
    if "endless" in fact:
        right = claim in {Claim.LOAD_HANGS, Claim.LOAD_RAISES}
        text = f"loading did not end in {fact['endless']} s of the processor"
        return (Status.CONFIRMED if right else Status.NOT_REACHED), text
    lacks = experiment.parameters.get("lacks")
    if "raised" in fact:
        status, evidence = _exception("loading", fact["raised"], experiment, claim not in _SILENT)
        evidence = f"where there is no `{lacks}`: {evidence}" if lacks else evidence
        if claim is Claim.CODE_RUNS and status is Status.CONFIRMED:
            # no code runs, and yet the line is not as harmless as a refuted finding would have it
            return Status.NOT_REACHED, f"this Keras does not load the file, so no code of it runs: {evidence}"
        return status, evidence
    if "call_raised" in fact:
        right = claim is Claim.CALL_RAISES or bool(lacks)
        return _exception("calling the loaded model", fact["call_raised"], experiment, right)
    if fact.get("shadowed"):
        return Status.NOT_REACHED, f"nothing raises: Keras takes its own `{fact['shadowed'][0]}` in its place"
    if claim is Claim.CODE_RUNS:
        return Status.CONFIRMED, "the file was loaded and its code ran"
    before, after = fact["weights"], fact.get("weights_after", fact["weights"])
    evidence = f"saved and loaded, {before} weights"
    if after != before:
        return Status.CONFIRMED, f"weights {before} -> {after} after load"
    if claim is Claim.SHARING_LOST:
        return Status.REFUTED, f"{evidence} before and after"
    if fact.get("outputs_differ") and fact.get("steady"):
        difference = fact.get("difference")
        amount = f" by up to {difference:.3g}" if difference is not None else ""
        own = claim in {Claim.OUTPUTS_DIFFER, Claim.WEIGHTS_NOT_LOADED, Claim.STATE_LOST}
        text = f"outputs differ{amount} after load, {fact['equal']} of {before} weights equal"
        return (Status.CONFIRMED if own else Status.NOT_REACHED), text
    if claim is Claim.OUTPUTS_DIFFER and not fact.get("steady", True):
        return Status.NOT_REACHED, "the model draws random numbers: its outputs always differ"
    if "equal" in fact:
        evidence += ", equal outputs" if fact.get("steady") else ", outputs are random"
    return Status.NOT_REACHED if experiment.parameters.get("silent") else Status.REFUTED, evidence


def _exception(when: str, text: object, experiment: Experiment, right: bool) -> tuple[Status, str]:
    """An exception shows a claim when it is the one that the finding speaks of."""
    shown = re.search(experiment.sign, str(text), re.DOTALL) if right else None
    if shown is not None:
        return Status.CONFIRMED, _around(" ".join(str(text).split()), shown.group())
    return Status.NOT_REACHED, f"{when} raises for another reason: {_short(text)}"


def _configuration(facts: Sequence[Mapping[str, Any]], experiment: Experiment) -> tuple[Status, str]:
    fact, claim = facts[0], experiment.claim
    if "save_raised" in fact:
        return _exception("saving", fact["save_raised"], experiment, True)
    raised = fact.get("raised")
    changed: Mapping[str, Sequence[str]] = fact.get("changed", {})
    if claim is not Claim.CONFIG_DIFFERS:
        if raised:
            again = fact.get("raised_again", "")
            best = again if again and not re.search(experiment.sign, raised, re.DOTALL) else raised
            if claim is Claim.SAVE_RAISES and re.search(experiment.sign, best, re.DOTALL):
                return Status.NOT_REACHED, f"saving does not raise on this release, loading does: {_short(best)}"
            return _exception("loading", best, experiment, claim is not Claim.SAVE_RAISES)
        if changed:
            return Status.NOT_REACHED, f"nothing raises, but a loaded copy differs: {_changes(changed)}"
        if fact.get("shadowed"):
            return Status.NOT_REACHED, f"nothing raises: Keras takes its own `{fact['shadowed'][0]}` in its place"
        return Status.REFUTED, "written and read again, no exception"
    if changed:
        note = f"; loading as it is raises {_short(raised)}" if raised else ""
        return Status.CONFIRMED, f"after loading {_changes(changed)}{note}"
    if raised:
        again = fact.get("raised_again", "")
        best = again if again and not re.search(experiment.sign, raised, re.DOTALL) else raised
        return _exception("loading", best, experiment, True)
    if not fact.get("visible"):
        return Status.NOT_REACHED, "the argument leaves no trace in the object's attributes"
    return Status.REFUTED, f"kept by a loaded copy: {', '.join(fact['visible'][:4])}"


def _changes(changed: Mapping[str, Sequence[str]]) -> str:
    return ", ".join(f"`{name}` {_difference(before, after)}" for name, (before, after) in list(changed.items())[:3])


def _difference(before: str, after: str) -> str:
    """Two texts, of long ones only the item that differs."""
    if len(before) > 40:
        same = next((i for i, (one, other) in enumerate(zip(before, after)) if one != other), 0)
        start = max(before.rfind(", ", 0, same), before.rfind("{", 0, same) - 1) + 2
        before, after = (text[start:].partition(", ")[0][:60] for text in (before, after))
    return f"{before} -> {after}"


def _constant(facts: Sequence[Mapping[str, Any]], experiment: Experiment) -> tuple[Status, str]:
    fact = facts[0]
    if not fact["constant"]:
        return Status.REFUTED, f"the answers to {fact['rows']} rows differ by up to {fact['range']:.3g}"
    return Status.CONFIRMED, f"{fact['values'][0]:.3g} for each of {fact['rows']} rows, with three sets of weights"


def _equal(facts: Sequence[Mapping[str, Any]], experiment: Experiment) -> tuple[Status, str]:
    fact = facts[0]
    if fact["pairs"]:
        one, other, size = fact["pairs"][0]
        return Status.CONFIRMED, f"`{one}` and `{other}` start with the same {size} numbers"
    if not fact["comparable"]:
        return Status.NOT_REACHED, "no two random weights have the same shape"
    return Status.REFUTED, f"no two of {fact['weights']} weights start with the same numbers"


def _trained(facts: Sequence[Mapping[str, Any]], experiment: Experiment) -> tuple[Status, str]:
    fact = facts[0]
    if "raised" in fact:
        if not fact["moved_again"]:
            return Status.NOT_REACHED, f"training raises: {_short(fact['raised'])}"
        return Status.CONFIRMED, f"training raises, after another `compile` it does not: {_short(fact['raised'])}"
    evidence = f"one step moves {fact['moved']} of {fact['weights']} weights"
    if fact["still"]:
        return Status.CONFIRMED, f"{evidence}, after another `compile` `{fact['still'][0]}` moves, too"
    if fact["not_frozen"]:
        return Status.CONFIRMED, f"{evidence}, among them `{fact['not_frozen'][0]}`, which is frozen"
    if not fact["moved"] and fact["weights"] and not fact["trainable"]:
        return Status.CONFIRMED, evidence
    if not fact["moved"]:
        return Status.NOT_REACHED, f"{evidence}, after another `compile` neither"
    return Status.REFUTED, evidence


def _by_hand(facts: Sequence[Mapping[str, Any]], experiment: Experiment) -> tuple[Status, str]:
    if "raised" in facts[0]:
        return _exception("evaluating", facts[0]["raised"], experiment, bool(experiment.sign))
    name, logged, right = facts[0]["name"], facts[0]["logged"], facts[0]["by_hand"]
    wrong = not abs(logged - right) <= 2e-3 * max(1.0, abs(right))
    evidence = f"`{name}` logged {logged:.3f}, {right:.3f} by hand"
    if not wrong and experiment.parameters.get("head") not in {"linear", "sigmoid", "softmax"}:
        return Status.NOT_REACHED, f"{evidence}: outputs of ours that do not tell logits and probabilities apart"
    return _is(wrong), evidence


def _epoch(facts: Sequence[Mapping[str, Any]], experiment: Experiment) -> tuple[Status, str]:
    fact = facts[0]
    monitor = experiment.parameters["monitor"]
    values = ", ".join(f"{value:.2f}" for value in fact["values"])
    if "kept" in fact:
        kept, best = fact["kept"], fact["best"]
        return _is(kept != best), f"`{monitor}` {values}: epoch {kept + 1} is kept, epoch {best + 1} is the best"
    for key, text in (("stopped", "training is stopped"), ("lowered", "the learning rate is lowered")):
        if key in fact:
            return Status.CONFIRMED, f"{text} after epoch {fact[key] + 1}, while `{monitor}` gets better: {values}"
    return Status.REFUTED, f"`{monitor}` gets better, and the callback lets it run"


def _labels(facts: Sequence[Mapping[str, Any]], experiment: Experiment) -> tuple[Status, str]:
    if "raised" not in facts[0]:
        return Status.REFUTED, "one step of fit with such labels, no exception"
    return _exception("training", facts[0]["raised"], experiment, True)


def _leak(facts: Sequence[Mapping[str, Any]], experiment: Experiment) -> tuple[Status, str]:
    fact = facts[0]
    if not fact["validation"]:
        return Status.NOT_REACHED, "the validation part is empty"
    return _is(fact["leaked"] > 0), f"{fact['leaked']} of {fact['validation']} validation rows are trained on"


def _refit(facts: Sequence[Mapping[str, Any]], experiment: Experiment) -> tuple[Status, str]:
    difference, noise, rows = facts[0]["difference"], facts[0]["noise"], facts[0]["rows"]
    answers = f"the answers of the second fold to its {rows} validation rows"
    if noise > 1e-6 and noise * 10 >= difference:
        return Status.NOT_REACHED, f"{answers} differ by up to {noise:.3g} between two equal runs"
    if difference > 1e-5:
        return Status.CONFIRMED, f"{answers} differ by up to {difference:.3g} with the labels these had in the first"
    return Status.REFUTED, f"{answers} do not hang on the labels these had in the first"


def _counted(number: int) -> str:
    return f"{number} variable that is" if number == 1 else f"{number} variables that are"


def _state(facts: Sequence[Mapping[str, Any]], experiment: Experiment) -> tuple[Status, str]:
    fact = facts[0]
    weights = f"among the {fact['weights']} weights"
    if fact["more"] > 0:
        return Status.CONFIRMED, f"each call makes {_counted(fact['more'])} not {weights}"
    if fact["hidden"]:
        needed = ", and other outputs come of other values" if fact["needed"] else ""
        return Status.CONFIRMED, f"it has {_counted(fact['hidden'])} not {weights}{needed}"
    # a file may hold less than the weights; and a layer whose line for the variable did not run has none to show
    taken = experiment.parameters["whole"] or (experiment.parameters["plain"] and fact["plain"] > 0)
    return Status.REFUTED if taken else Status.NOT_REACHED, f"every variable is {weights}"


def _line(facts: Sequence[Mapping[str, Any]], experiment: Experiment) -> tuple[Status, str]:
    name, kind, weights = experiment.parameters["name"], facts[0]["kind"], facts[0]["weights"]
    if facts[0]["known"]:
        return Status.REFUTED, f"`{name}` is among the {weights} weights of a `{kind}`"
    return Status.CONFIRMED, f"`{name}` is not among the {weights} weights of a `{kind}`"


def _making(facts: Sequence[Mapping[str, Any]], experiment: Experiment) -> tuple[Status, str]:
    raised = facts[0].get("raised")
    if raised:
        return _exception("making the model", raised, experiment, True)
    return Status.REFUTED if experiment.parameters["whole"] else Status.NOT_REACHED, "the model is made, no exception"


def _result(facts: Sequence[Mapping[str, Any]], experiment: Experiment) -> tuple[Status, str]:
    fact = facts[0]
    if fact["kind"] != "NoneType":
        return Status.REFUTED, f"the name stands for a `{fact['kind']}` behind it"
    status, evidence = _exception("using the result", fact.get("raised", ""), experiment, True)
    return status, f"`load_weights` returns None: {evidence}"


def _clash(facts: Sequence[Mapping[str, Any]], experiment: Experiment) -> tuple[Status, str]:
    if "raised" in facts[0]:
        return _exception("reading", facts[0]["raised"], experiment, False)
    pairs = facts[0]["found"]
    lost = [f"`{before}` is a `{after}` after it was written and read" for before, after in pairs if before != after]
    if lost:
        return Status.CONFIRMED, ", ".join(lost)
    return Status.REFUTED, f"each is itself after it was written and read: {', '.join(pair[0] for pair in pairs)}"


def _flagged(facts: Sequence[Mapping[str, Any]], experiment: Experiment) -> tuple[Status, str]:
    fact, given = facts[0], experiment.parameters["flag"]
    if not fact["calls"]:
        return Status.NOT_REACHED, "no layer that needs the flag was called"
    if not fact["wrong"]:
        return Status.REFUTED, f"every such layer ran with `training={given}`"
    mode = "in inference mode in `predict`" if given else "in training mode in `fit`"
    evidence = f"given `training={given}`, {mode} ran: {', '.join(fact['wrong'])}"
    if fact["moved"]:
        evidence += f"; {fact['moved']} of {fact['statistics']} moving statistics changed"
    return Status.CONFIRMED, evidence


def _optimizer(facts: Sequence[Mapping[str, Any]], experiment: Experiment) -> tuple[Status, str]:
    before, brought, after = (facts[0][key] for key in ("before", "brought", "after"))
    if not before or brought < before:
        return Status.NOT_REACHED, f"the optimizer counts {before} steps before the save and {brought} after the load"
    evidence = (
        f"the optimizer has made {before} step{'s' * (before > 1)} before the save, {after} where training goes on"
    )
    return _is(after < before), evidence


def _unlogged(facts: Sequence[Mapping[str, Any]], experiment: Experiment) -> tuple[Status, str]:
    fact, key = facts[0], experiment.parameters["key"]
    if "raised" in fact:
        return _exception("`fit`", fact["raised"], experiment, True)
    logged = ", ".join(fact["logged"])
    if key not in fact["logged"]:
        return Status.NOT_REACHED, f"`{key}` is not logged ({logged}), and on this release nothing raises"
    return Status.REFUTED, f"`{key}` is logged: {logged}"


def _shuffled(facts: Sequence[Mapping[str, Any]], experiment: Experiment) -> tuple[Status, str]:
    apart, rows = facts[0]["apart"], facts[0]["rows"]
    return _is(apart > 0), f"{apart} of {rows} rows have another label where the labels are read"


_FEW = 100  # objects that may stay of a model: counters, caches


def _memory(facts: Sequence[Mapping[str, Any]], experiment: Experiment) -> tuple[Status, str]:
    (layers, objects), (_, cleared) = (
        [(counts[-1] - counts[1]) / (len(counts) - 2) for counts in (alive["layers"], alive["objects"])]
        for alive in (facts[0]["kept"], facts[0]["cleared"])
    )
    evidence = f"of each model {layers:.0f} layers and {objects:.0f} objects stay"
    if layers < 1 and objects < _FEW:
        return Status.REFUTED, evidence
    if cleared * 2 > objects:
        return Status.NOT_REACHED, f"{evidence}, with `clear_session` {cleared:.0f} objects: something else keeps them"
    return Status.CONFIRMED, f"{evidence}, with `clear_session` {cleared:.0f} objects"


_Judge = Callable[[Sequence[Mapping[str, Any]], Experiment], "tuple[Status, str]"]
_JUDGES: dict[str, _Judge] = {
    "load_weights": _load,
    "save_early": _save,
    "suffix": _raises,
    "statement": _raises,
    "metric": _metric,
    "training_flag": _flag,
    "run_once": _runs,
    "roundtrip": _roundtrip,
    "legacy_weights": _roundtrip,
    "configuration": _configuration,
    "initializer": _load,
    "constant_output": _constant,
    "equal_weights": _equal,
    "not_trained": _trained,
    "loss": _by_hand,
    "labels_raise": _labels,
    "wrong_epoch": _epoch,
    "leak": _leak,
    "memory": _memory,
    "refit": _refit,
    "state": _state,
    "making": _making,
    "by_name": _load,
    "line_alone": _line,
    "load_result": _result,
    "clash": _clash,
    "overwritten_flag": _flagged,
    "shared_optimizer": _raises,
    "optimizer_state": _optimizer,
    "unlogged_key": _unlogged,
    "shuffled": _shuffled,
}
