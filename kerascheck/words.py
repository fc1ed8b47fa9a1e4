"""Which rules may find something in a file, by the words that they declare: a look at texts, without a parser."""

from __future__ import annotations

import re
from functools import cache, cached_property
from typing import TYPE_CHECKING

from kerascheck.registry import all_rules

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from kerascheck.rule import Rule
    from kerascheck.semantic.module import Module
    from kerascheck.semantic.project import Project
    from kerascheck.text import SourceText


class Written:
    """The words of rules that stand in a file and around it; each text is looked at when it is needed, and once."""

    def __init__(self, source: SourceText, path: str, project: Project | None) -> None:
        self._source = source
        self._path = path
        self._project = project
        self._family: frozenset[str] | None = None

    def may_find(self, rules: Iterable[type[Rule]]) -> bool:
        """Whether any of the rules may find something here; needs no parser."""
        doubtful = []
        for rule in rules:
            if stand(rule.words, self._here) and stand(rule.around, self._here):
                return True
            doubtful.append(rule)
        if self._project is None or not doubtful:
            return False
        near = [rule for rule in doubtful if self._imported is None or stand(rule.words, self._imported)]
        if not near or self._imported is None:
            return bool(near)
        return any(self._linked is None or stand(rule.around, self._linked) for rule in near)

    def allow(self, rule: type[Rule], module: Module) -> bool:
        """Whether a rule may find something in this file, which `module` is, with the files that it imports."""
        return stand(rule.words, self._here) or stand(rule.words, self._followed(module))

    @cached_property
    def _here(self) -> frozenset[str]:
        return words_in(self._source.text)

    @cached_property
    def _imported(self) -> frozenset[str] | None:
        """The words in this file and in those that it imports; None when there are too many to look at."""
        assert self._project is not None
        return self._words_of(self._project.imported(self._path, self._source))

    @cached_property
    def _linked(self) -> frozenset[str] | None:
        """The same, with the files that import this one, and with all that these import."""
        assert self._project is not None
        return self._words_of(self._project.linked(self._path, self._source))

    def _words_of(self, texts: dict[str, SourceText] | None) -> frozenset[str] | None:
        if texts is None or self._project is None:
            return None
        noted = self._project.noted
        for path, source in texts.items():
            known = noted.get(path)
            if known is None or known[0] is not source:
                noted[path] = source, self._here if source is self._source else words_in(source.text)
        return frozenset().union(*(noted[path][1] for path in texts))

    def _followed(self, module: Module) -> frozenset[str]:
        """The words in the file and in those that its code was followed into."""
        if self._family is None:
            _ = module.facts  # what it imports is known now
            found = self._here
            for other in module.family():
                if other is not module:
                    known = other.memo.get("words")
                    if known is None:
                        known = other.memo["words"] = words_in(other.source.text)
                    found |= known
            self._family = found
        return self._family


def stand(groups: Collection[tuple[str, ...]], words: frozenset[str]) -> bool:
    """Whether one word of each group is among these."""
    return all(not words.isdisjoint(group) for group in groups)


def words_in(text: str) -> frozenset[str]:
    """The words of any rule that stand in a text."""
    lowered = text.lower()
    return frozenset(
        word
        for word, part, alone, any_letters in _vocabulary()
        if part in (lowered if any_letters else text)
        and (alone is None or alone.search(lowered if any_letters else text) is not None)
    )


@cache
def _vocabulary() -> tuple[tuple[str, str, re.Pattern[str] | None, bool], ...]:
    """The words of all rules: each with what to look for, its pattern if it stands alone, and if letters matter not."""
    found = {word for rule in all_rules() for group in (*rule.words, *rule.around) for word in group}
    return tuple(
        (word, part, re.compile(rf"\b{re.escape(part)}\b") if part != word else None, word == word.lower())
        for word in sorted(found)
        for part in [word.strip(" ")]
    )
