"""Runs inside the child process, in the user's environment: the standard library and Keras only.

Copied into the child's folder, so that it runs with any Python from 3.8 on that has a Keras. It is started as
`python start.py CONTROL RESULT SETTINGS` where the first two are file descriptors. It imports the framework once, runs
no operation of it, and forks a child for every experiment; the parent process watches time and memory and kills.
"""

import contextlib
import json
import os
import random
import signal
import sys
import time
import warnings
from typing import Any

from kerascheck.confirm.child.behaviour import (
    constant_output,
    equal_weights,
    labels_raise,
    leak,
    loss,
    memory,
    not_trained,
    shuffled,
    wrong_epoch,
)
from kerascheck.confirm.child.contain import contain, guard, limit, reap
from kerascheck.confirm.child.folds import refit
from kerascheck.confirm.child.objects import by_name, line_alone, making, state
from kerascheck.confirm.child.program import choose, describe, framework, missing
from kerascheck.confirm.child.training import (
    metric,
    optimizer_state,
    overwritten_flag,
    run_once,
    shared_optimizer,
    statement,
    training_flag,
    unlogged_key,
)
from kerascheck.confirm.child.weights import initializer, load_result, load_weights, save_early, suffix
from kerascheck.confirm.child.whole import clash, configuration, crossing, legacy_weights, roundtrip


def main() -> None:
    control, result = int(sys.argv[1]), int(sys.argv[2])
    settings = json.loads(sys.argv[3])
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_SETMASK, ())  # it was started while Ctrl-C had to wait
    held = contain(settings)
    requests = os.fdopen(control, "r", encoding="utf-8")
    answers = os.fdopen(result, "w", encoding="utf-8")

    def say(message: Any) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    started = time.time()
    facts = {"ready": True, "held": held, "keras": "", "backend": ""}
    if settings.get("framework", True):
        try:
            keras = framework()
            facts["keras"] = keras.__version__
            facts["backend"] = keras.backend.backend() if hasattr(keras.backend, "backend") else "tensorflow"
        except BaseException as error:  # whatever an import does, the parent is told
            facts = {"ready": False, "error": describe(error), "held": held}
    facts["seconds"] = time.time() - started
    say(facts)
    for line in requests:
        job = json.loads(line)
        if not hasattr(os, "fork"):
            in_child(job, settings)
            say({"done": job["id"], "status": 0})
            continue
        pid = os.fork()
        if pid == 0:
            try:
                os.close(control)  # an experiment cannot speak for the worker
                os.close(result)
                limit(settings)
                in_child(job, settings)
                os._exit(0)
            finally:
                os._exit(1)
        say({"started": job["id"], "pid": pid})
        try:
            _, status = os.waitpid(pid, 0)
        except OSError:
            status = -1
        reap()
        say({"done": job["id"], "status": status})


def in_child(job: Any, settings: Any) -> None:
    """Run one experiment and leave its result in a file."""
    folder = job["folder"]
    with contextlib.suppress(OSError, AttributeError):
        os.setpgid(0, 0)
    os.chdir(folder)
    started = time.time()
    outcome: dict[str, Any] = {}
    target = os.path.join(folder, "result.json")
    try:
        reseed()
        guard(settings["root"])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            if job["experiment"] != "roundtrip":  # that one forks before anything is tried
                job = choose(job)
            outcome = EXPERIMENTS[job["experiment"]](job)
        outcome["warnings"] = [str(item.message)[:300] for item in caught if interesting(str(item.message))][:5]
    except BaseException as error:  # a program may raise anything, SystemExit too
        outcome = {"failed": describe(error), "missing": missing(error)}
    outcome["seconds"] = time.time() - started
    try:
        text = json.dumps(outcome)
    except Exception as error:
        text = json.dumps({"failed": describe(error)})
    os.makedirs(folder, exist_ok=True)  # the program may have removed it
    with open(target + ".part", "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(target + ".part", target)


def reseed() -> None:
    """After a fork every process would draw the same numbers."""
    seed = int.from_bytes(os.urandom(4), "little")
    random.seed(seed)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(seed)
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is not None and "set_seed" in dir(tensorflow.random):
        tensorflow.random.set_seed(seed)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(seed)


def interesting(text: Any) -> Any:
    return any(
        part in text
        for part in (
            "`build()` was called",
            "has not yet been built",
            "Skipping variable loading",
            "from_logits",
            "softmax over axis",
        )
    )


EXPERIMENTS = {
    "load_weights": load_weights,
    "save_early": save_early,
    "suffix": suffix,
    "metric": metric,
    "training_flag": training_flag,
    "run_once": run_once,
    "statement": statement,
    "crossing": crossing,
    "roundtrip": roundtrip,
    "legacy_weights": legacy_weights,
    "configuration": configuration,
    "initializer": initializer,
    "constant_output": constant_output,
    "equal_weights": equal_weights,
    "not_trained": not_trained,
    "loss": loss,
    "labels_raise": labels_raise,
    "wrong_epoch": wrong_epoch,
    "leak": leak,
    "memory": memory,
    "refit": refit,
    "state": state,
    "making": making,
    "by_name": by_name,
    "line_alone": line_alone,
    "load_result": load_result,
    "clash": clash,
    "overwritten_flag": overwritten_flag,
    "shared_optimizer": shared_optimizer,
    "optimizer_state": optimizer_state,
    "unlogged_key": unlogged_key,
    "shuffled": shuffled,
}
