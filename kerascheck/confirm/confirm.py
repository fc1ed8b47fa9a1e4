"""Confirm the findings of a run: plan, run, judge. One experiment serves every finding that needs the same one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from kerascheck.confirm.named import Named, using
from kerascheck.confirm.plan import Experiment, Plan, plan
from kerascheck.confirm.sandbox import Result, Sandbox
from kerascheck.confirm.verdict import judge
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
    known: dict[str, tuple[list[Result], float]] = {}
    decided = []
    for finding in findings:
        planned = plan(module, finding)
        if planned is None:
            decided.append(finding)
            continue
        say = partial(told, f"confirming {finding.path}:{finding.start.line} {finding.code}")
        status, evidence, seconds = _decide(planned, sandbox, known, say)
        for named in models:
            if status in _DECIDED:
                break
            with using(named):
                again = plan(module, finding)
            experiments = tuple(one for one in again.experiments if named.makes(one.parameters)) if again else ()
            if not experiments:
                continue
            status, evidence, more = _decide(Plan(finding, experiments), sandbox, known, say)
            evidence += f"; the model is made by {named.name}" if status in _DECIDED else f" ({named.name})"
            seconds += more
        decided.append(replace(finding, verdict=_verdict(sandbox, status, evidence, seconds)))
    return decided


def _decide(
    planned: Plan, sandbox: Sandbox, known: dict[str, tuple[list[Result], float]], say: Callable[[], None]
) -> tuple[Status, str, float]:
    """Run the experiments of a plan until one decides; equal ones are run once."""
    status, evidence, seconds = Status.NOT_REACHED, planned.reason, 0.0
    for index, experiment in enumerate(planned.experiments):
        if experiment.key not in known:
            say()
            started = time.monotonic()
            results = run(experiment, sandbox)
            known[experiment.key] = results, time.monotonic() - started
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
