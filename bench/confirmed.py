"""Run `kerascheck --confirm` over a folder of repositories and say how many findings it decides.

    python bench/confirmed.py CORPUS [--skip one,two --first 40 --jobs 2] [--only NAME] [--read 40] [--python PATH]

Each folder in CORPUS is one repository and one run of the command; with --whole CORPUS itself is one. Counted are the
warnings and errors whose claim can be executed (`--all` counts info findings, too): confirmed and refuted apart,
against those that were not reached or could not run, whose reasons are printed, most frequent first. With --read N a
reading list of N verdicts is printed, each with its code. `--only-code` and `--ignore` choose rules.

With --fixtures there is no corpus: the findings in the fixtures are confirmed, each on a release on which the Measured
table of its page shows the claim, the newest first and, where that decides nothing, up to two older ones.

    python bench/confirmed.py --fixtures --releases TARGETS --python ENV/bin/python [--extra FOLDER]
        [--before 2.15=OLD/bin/python]

TARGETS, ENV, FOLDER and OLD are those of bench/measured.py.

This runs code of the repositories (classes, functions and constants that make models) in a child process.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
AROUND = 4  # lines of code on each side of a finding
STATUSES = ("confirmed", "refuted", "not-reached", "could-not-run")
DECIDED = STATUSES[:2]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="?")
    parser.add_argument("--skip", default="", metavar="A,B", help="repositories with one of these in their name")
    parser.add_argument("--only", default="", metavar="TEXT", help="only repositories with this in their name")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="only the first N repositories")
    parser.add_argument("--whole", action="store_true", help="the folder is one repository")
    parser.add_argument("--only-code", default="", metavar="A,B", help="only findings of these rules")
    parser.add_argument("--ignore", default="", metavar="A,B", help="rules that are not run")
    parser.add_argument("--all", action="store_true", help="count info findings, too")
    parser.add_argument("--settings", action="store_true", help="read the repositories' settings and targets")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="repositories at a time")
    parser.add_argument("--limit", type=float, default=0, metavar="SECONDS", help="stop a repository after this time")
    parser.add_argument("--read", type=int, default=0, metavar="N", help="print N verdicts with their code")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="which of them")
    parser.add_argument("--python", default="", metavar="PATH", help="the environment to confirm in")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the findings with verdicts to a file")
    parser.add_argument("--fixtures", action="store_true", help="the fixtures, on releases of their Measured tables")
    parser.add_argument("--releases", type=Path, help="a folder of releases, for --fixtures")
    parser.add_argument("--before", action="append", default=[], metavar="NAME=PYTHON", help="an older release")
    parser.add_argument("--extra", default="", help="a folder with what old releases need besides")
    arguments = parser.parse_args()
    if arguments.fixtures:
        return fixtures(arguments)
    if arguments.corpus is None:
        parser.error("give a folder of repositories, or --fixtures")
    corpus: Path = arguments.corpus
    if arguments.whole:
        names = [corpus.name]
        corpus = corpus.resolve().parent
    else:
        folders = [path.name for path in sorted(corpus.iterdir()) if path.is_dir()]
        names = [name for name in folders if arguments.only in name and not name.startswith(".")]  # not the cache
    skipped = [text for text in arguments.skip.split(",") if text]
    names = [name for name in names if not any(text in name for text in skipped)]
    names = names[: arguments.first or None]
    options = _options(arguments)
    findings: list[dict[str, Any]] = []
    with ThreadPoolExecutor(arguments.jobs) as pool:
        results = pool.map(lambda name: run(corpus, name, options, arguments.limit or None), names)
        for done, (name, found, seconds, problem) in enumerate(results, 1):
            findings += [item for item in found if arguments.all or item["severity"] != "info"]
            print(f"{done} of {len(names)}  {name:50.50} {len(found):4} findings {seconds:6.0f} s", file=sys.stderr)
            if problem:
                print(f"problem  {name}: {problem}", flush=True)
            if arguments.json:  # after each repository, so that a run that is stopped leaves what it has
                arguments.json.write_text(json.dumps(findings, indent=1), encoding="utf-8")
    wanted = [code for code in arguments.only_code.split(",") if code]
    findings = [item for item in findings if not wanted or item["code"] in wanted]
    if arguments.json:
        arguments.json.write_text(json.dumps(findings, indent=1), encoding="utf-8")
    print(*table(findings), sep="\n")
    print(*reasons(findings), sep="\n")
    if arguments.read:
        for item in sample(findings, arguments.read, arguments.seed):
            print(*excerpt(item, corpus), sep="\n")
    return 0


def run(
    corpus: Path, name: str, options: Sequence[str], limit: float | None
) -> tuple[str, list[dict[str, Any]], float, str]:
    """The findings of one run of the command, its seconds and what went wrong with it."""
    command = [sys.executable, "-m", "kerascheck", *options, "--format", "json", "--exit-zero", name]
    started = time.perf_counter()
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": path}
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=corpus,
        env=environment,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # a shell's job in the background ignores it
    ) as process:
        try:
            output, errors = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)  # it stops its children and removes their folder itself
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=60)
            process.kill()
            return name, [], time.perf_counter() - started, f"not done after {limit:.0f} s, left out"
    seconds = time.perf_counter() - started
    problem = next((line for line in errors.splitlines() if line.startswith("not confirmed")), "")
    if "Traceback" in errors:
        problem = errors.strip().splitlines()[-1]
    try:
        return name, json.loads(output), seconds, problem
    except ValueError:
        return name, [], seconds, problem or f"exit {process.returncode} without a report: {errors[-200:]}"


def fixtures(arguments: argparse.Namespace) -> int:
    """Confirm the findings of the fixtures; 1 when one is decided against its page."""
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench")]
    import measured  # type: ignore[import-not-found]
    import truth  # type: ignore[import-not-found]

    releases = measured.releases(arguments.before, arguments.releases, arguments.python, arguments.extra)
    wanted = [code for code in arguments.only_code.split(",") if code]
    codes = {block.stem: block.code for block in truth.all_blocks() if not wanted or block.code in wanted}

    def decide(stem: str) -> tuple[str, list[dict[str, Any]], list[str]]:
        measured_on = [item for item in reversed(releases) if truth.is_measured(stem, item.name)]
        shown = [item for item in measured_on if truth.shown_on(stem, item.name)]
        settled: dict[tuple[str, int, int, str], dict[str, Any]] = {}
        tried = []
        for number, release in enumerate(shown or measured_on[:1]):
            if number > 2 and not any(item["wrong"] for item in settled.values()):
                break  # what three releases do not decide is left; what is bound to a release is looked for
            extra = ("--python", release.python)
            found = [
                item
                for item in truth.confirmed_fixtures(stem, codes[stem], extra=extra, path=release.path)
                if truth.is_executable(item) and item["verdict"]
            ]
            tried.append(release.name)
            for item in found:
                key = (
                    item["path"],
                    item["line"],
                    item["column"],
                    item["subject"] if "subject" in item else item["code"],
                )
                before = settled.get(key)
                if before is None or before["verdict"]["status"] not in DECIDED or before["wrong"]:
                    settled[key] = {**item, "wrong": _is_against(item, bool(shown))}
            if all(item["verdict"]["status"] in DECIDED and not item["wrong"] for item in settled.values()):
                break
        return stem, list(settled.values()), tried

    every: list[dict[str, Any]] = []
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for stem, found, tried in pool.map(decide, codes):
            every += found
            told = Counter(item["verdict"]["status"] for item in found)
            words = ", ".join(f"{count} {status}" for status, count in told.items())
            print(f"{codes[stem]} {stem}: {words}; on {', '.join(tried)}", flush=True)
    print(*table(every), sep="\n")
    print(*reasons(every), sep="\n")
    wrong = [item for item in every if item["wrong"] and item["verdict"]["status"] in DECIDED]
    for item in wrong:
        print(
            f"against its page: {place(item)} {item['code']} {item['verdict']['status']}: {item['verdict']['evidence']}"
        )
    share = sum(item["verdict"]["status"] in DECIDED for item in every) / max(len(every), 1)
    print(f"decided {share:.3f} of {len(every)}, {len(wrong)} against their page")
    return 1 if wrong else 0


def _is_against(item: dict[str, Any], shown: bool) -> bool:
    """Whether a decided finding says otherwise than its page."""
    status = item["verdict"]["status"]
    return status in DECIDED and (status == "confirmed") != shown


def _options(arguments: argparse.Namespace) -> list[str]:
    options = ["--confirm", *["--isolated"] * (not arguments.settings)]
    if arguments.python:
        options += ["--python", arguments.python]
    if arguments.ignore:
        options += ["--ignore", arguments.ignore]
    return options


def table(findings: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The verdicts of each code and the share that is decided."""
    counts = Counter((item["code"], item["verdict"]["status"]) for item in findings if item["verdict"])
    codes = sorted({code for code, _ in counts})
    yield f"{'code':6}" + "".join(f" {status:>14}" for status in STATUSES) + f" {'decided':>8}"
    for code in [*codes, "all"]:
        row = [sum(n for (c, s), n in counts.items() if s == status and code in (c, "all")) for status in STATUSES]
        share = sum(row[:2]) / sum(row) if sum(row) else 1.0
        yield f"{code:6}" + "".join(f" {count:>14}" for count in row) + f" {share:>8.3f}"
    without = Counter(item["code"] for item in findings if not item["verdict"])
    if without:
        yield "without a verdict: " + ", ".join(f"{code} {count}" for code, count in sorted(without.items()))


def reasons(findings: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Why findings were not decided, most frequent first."""
    counts: Counter[str] = Counter()
    example: dict[str, str] = {}
    for item in findings:
        verdict = item["verdict"]
        if verdict and verdict["status"] not in DECIDED:
            reason = re.sub(r"`[^`]*`|'[^']*'|\d+", "_", verdict["evidence"])[:100]
            counts[reason] += 1
            example.setdefault(reason, f"{place(item)} {item['code']}: {verdict['evidence'][:160]}")
    for reason, count in counts.most_common():
        yield f"{count:4}  {reason}\n      {example[reason]}"


def sample(findings: Sequence[dict[str, Any]], size: int, seed: int) -> list[dict[str, Any]]:
    """Decided findings drawn at random, in the order of the files."""
    drawn = [item for item in findings if item["verdict"] and item["verdict"]["status"] in DECIDED]
    random.Random(seed).shuffle(drawn)
    return sorted(drawn[:size], key=lambda item: (item["path"], item["cell"] or 0, item["line"]))


def place(item: dict[str, Any]) -> str:
    """Where a finding is."""
    cell = f":cell {item['cell']}" if item["cell"] is not None else ""
    return f"{item['path']}{cell}:{item['line']}"


def excerpt(item: dict[str, Any], corpus: Path) -> Iterator[str]:
    """A finding with its verdict and the lines around it."""
    verdict = item["verdict"]
    yield ""
    yield f"{item['code']} {item['severity']} {place(item)}"
    yield f"    {item['message']}"
    yield f"    {verdict['status']}: {verdict['evidence']}"
    text = (corpus / item["path"]).read_text("utf-8", "replace")
    if item["cell"] is not None:
        source = json.loads(text)["cells"][item["cell"] - 1].get("source", "")
        text = source if isinstance(source, str) else "".join(source)
    lines = text.split("\n")
    for number in range(max(1, item["line"] - AROUND), min(len(lines), item["line"] + AROUND) + 1):
        mark = ">" if number == item["line"] else " "
        yield f"  {mark} {number:>5} {lines[number - 1].rstrip()[:140]}"


if __name__ == "__main__":
    sys.exit(main())
