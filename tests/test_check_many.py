"""`engine.check_many` on executors of several kinds: the same findings in the same order."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from multiprocessing import get_context
from pathlib import Path

import pytest

from kerascheck import engine
from kerascheck.files import ProjectReader
from kerascheck.registry import all_rules
from kerascheck.semantic.target import default_target
from kerascheck.text import SourceText

FIXTURES = Path(__file__).parent.parent / "fixtures"
OPTIONS = engine.Options(frozenset(rule.code for rule in all_rules()), default_target())


def sources() -> list[tuple[SourceText, str]]:
    paths = [*sorted(FIXTURES.glob("*.py"))[:30], *sorted((FIXTURES / "projects" / "quickstart").glob("*.py"))]
    return [(SourceText.from_bytes(path.read_bytes()), str(path)) for path in paths]


@contextmanager
def cluster() -> Iterator[Executor]:
    """Dask's executor on two worker processes of this machine."""
    from distributed import Client, LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as workers, Client(workers) as client:
        yield client.get_executor()


@pytest.fixture(scope="module")
def alone() -> list[engine.Checked]:
    return list(engine.check_many(sources(), OPTIONS, reader=ProjectReader()))


@pytest.mark.parametrize(
    "executor",
    [
        lambda: ThreadPoolExecutor(2),
        lambda: ProcessPoolExecutor(2, get_context("spawn")),
        cluster,
    ],
    ids=["threads", "processes", "dask"],
)
def test_an_executor_finds_the_same(executor, alone: list[engine.Checked]) -> None:
    made: AbstractContextManager[Executor] = executor()
    with made as pool:
        found = list(engine.check_many(sources(), OPTIONS, executor=pool, reader=ProjectReader()))
    assert found == alone
    assert sum(len(checked.findings) for checked in found) > 50
    codes = {finding.code for checked in found[-3:] for finding in checked.findings}
    assert "KC101" in codes  # the class is in another file


def test_texts_are_taken_as_they_are_needed() -> None:
    taken = []

    def endless() -> Iterator[tuple[SourceText, str]]:
        while True:
            taken.append(1)
            yield SourceText("import keras\n"), "a.py"

    with ThreadPoolExecutor(1) as pool:
        found = engine.check_many(endless(), OPTIONS, executor=pool)
        for _ in range(3):
            next(found)
        found.close()  # type: ignore[attr-defined]
    assert len(taken) <= engine.BATCH * engine.AHEAD


def test_what_an_executor_raises_is_raised() -> None:
    class Broken(Executor):
        def submit(self, *_: object, **__: object) -> Future[object]:
            future: Future[object] = Future()
            future.set_exception(OSError("the cluster is gone"))
            return future

    with pytest.raises(OSError, match="the cluster is gone"):
        list(engine.check_many(sources(), OPTIONS, executor=Broken()))
