"""Confirm the findings of a run: plan, run, judge. One experiment serves every finding that needs the same one."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from kerascheck.confirm.guarded import Guarded
from kerascheck.confirm.named import Invented, Maker, Named, using
from kerascheck.confirm.plan import Experiment, Plan, plan
from kerascheck.confirm.proof import crossing, experiments
from kerascheck.confirm.sandbox import Result, Sandbox
from kerascheck.confirm.verdict import judge
from kerascheck.edits import Edit
from kerascheck.finding import Finding, Status, Verdict
from kerascheck.semantic.module import Module

HASH_SEEDS = (1, 2, 3, 4, 5)


_DECIDED = frozenset({Status.CONFIRMED, Status.REFUTED})


def confirm(
    findings: Sequence[Finding],
    module: Module,
    sandbox: Sandbox,
    told: Callable[[str], None] = lambda line: None,
    models: Sequence[Named] = (),
) -> list[Finding]:
    """The findings with verdicts. `told` gets a line before each experiment. Raises SandboxError without a Keras.

    The named `models` are tried for findings that their own slice does not decide.
    """
    decided = []
    for finding in findings:
        planned = plan(module, finding)
        if planned is None:
            decided.append(finding)
            continue
        say = partial(told, f"confirming {finding.path}:{finding.start.line} {finding.code}")
        status, evidence, seconds = _decide(planned, sandbox, say)
        makers: list[Maker] = [*models, _guarded(finding, module), *([] if models else [Invented()])]
        for maker in makers:
            if status in _DECIDED or (not isinstance(maker, Named) and not _is_unreached(planned, sandbox)):
                break
            with using(maker):
                again = plan(module, finding)
            made = tuple(one for one in again.experiments if maker.makes(one.parameters)) if again else ()
            if not made:
                continue
            found, text, more = _decide(Plan(finding, made), sandbox, say)
            seconds += more
            if isinstance(maker, Invented):  # with the program's own arguments it may be otherwise
                if found is Status.CONFIRMED:
                    status, evidence = found, f"{text}; with {maker.name}"
            elif found in _DECIDED:
                how = "by" if isinstance(maker, Guarded) else "the model is made by"
                status, evidence = found, f"{text}; {how} {maker.name}"
            elif isinstance(maker, Guarded):
                evidence += f"; {maker.name}: {text}"
            else:
                status, evidence = found, f"{text} ({maker.name})"
        decided.append(replace(finding, verdict=_verdict(sandbox, status, evidence, seconds)))
    return decided


def _guarded(finding: Finding, module: Module) -> Guarded:
    return Guarded(module, module.source.offset(finding.start), (os.getcwd(),))


def _is_unreached(planned: Plan, sandbox: Sandbox) -> bool:
    """Whether no slice gave the model: none could be made, or the first one does not run."""
    if not planned.experiments:
        return True
    results = sandbox.known[planned.experiments[0].key][0]
    return any("failed" in result.facts for result in results)


def prove(
    finding: Finding,
    before: Module,
    after: Module,
    place: int,
    edits: Sequence[Edit],
    sandbox: Sandbox,
    models: Sequence[Named] = (),
) -> str:
    """Why a fix is not kept, or "": the experiment that showed the claim must not show it in the repaired text.

    The named `models` are taken where no slice shows the claim; they are imported from the project with the fix in it.
    Last comes the guarded import, as for the finding itself.
    """
    reason = ""
    makers: list[Maker | None] = [None, *models, _guarded(finding, before)]
    for maker in makers:
        with using(maker):
            pairs = list(experiments(finding, before, after, place, edits))
        for experiment, repaired in pairs:
            if maker is not None and not maker.makes(experiment.parameters):
                continue
            if repaired is None or _decide(Plan(finding, (experiment,)), sandbox)[0] is not Status.CONFIRMED:
                continue
            if "whole" in repaired.parameters:  # what showed the claim may not show it: no other experiment decides
                repaired = replace(repaired, parameters={**repaired.parameters, "whole": True})
            status, evidence, _ = _decide(Plan(finding, (repaired,)), sandbox)
            if status is not Status.REFUTED:
                reason = f"after the fix {evidence}"
                continue
            files = crossing(experiment, repaired) if finding.fix is not None and finding.fix.safe else None
            lost = "" if files is None else _lost(run(files, sandbox))
            return f"it is called safe, and {lost}" if lost else ""
        if reason:
            break
    return reason or "no experiment can be made for the repaired text"


def _lost(results: Sequence[Result]) -> str:
    """What a safe fix does to files of the program as it was, or to its readers."""
    facts = results[0].facts
    lost = facts.get("lost") if not results[0].failure and "failed" not in facts else None
    if not isinstance(lost, list):
        return f"whether files cross it could not be tried: {facts.get('failed') or results[0].failure}"
    return ", ".join(str(item) for item in lost)


def _decide(planned: Plan, sandbox: Sandbox, say: Callable[[], None] = lambda: None) -> tuple[Status, str, float]:
    """Run the experiments of a plan until one decides; equal ones are run once."""
    known = sandbox.known
    status, evidence, seconds = planned.status, planned.reason, 0.0
    for index, experiment in enumerate(planned.experiments):
        if experiment.key not in known:
            say()
            started = time.monotonic()
            results = run(experiment, sandbox)
            inside = sum(result.seconds for result in results)  # the import that serves all is not this one's
            known[experiment.key] = results, time.monotonic() - started if experiment.fresh else inside
        results, taken = known[experiment.key]
        seconds += taken
        found = judge(experiment, results, sandbox.limits)
        if found[0] in _DECIDED or index == 0:
            status, evidence = found
        if status in _DECIDED:
            break
    return status, evidence, seconds


def run(experiment: Experiment, sandbox: Sandbox) -> list[Result]:
    """The results of one experiment: one, or one of each fresh process."""
    if not experiment.fresh:
        return [sandbox.run(experiment.name, experiment.parameters)]
    return [
        sandbox.run_fresh(experiment.name, experiment.parameters, seed, framework=experiment.framework)
        for seed in HASH_SEEDS[: experiment.fresh]
    ]


def _verdict(sandbox: Sandbox, status: Status, evidence: str, seconds: float) -> Verdict:
    return Verdict(status, evidence, sandbox.keras, sandbox.backend, round(seconds, 2))
