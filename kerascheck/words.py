"""Which rules may find something in a file, by the words that they declare: a look at texts, without a parser."""

from __future__ import annotations

import re
from functools import cache, cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from kerascheck.rule import Rule
    from kerascheck.semantic.module import Module
    from kerascheck.semantic.project import Project
    from kerascheck.text import SourceText

# of each byte of UTF-8: itself in a name, in small letters; else a space
_NAMES = bytes(ord(chr(byte).lower()) if re.match(r"\w", chr(byte)) else 32 for byte in range(128))
_NAMES += bytes(range(128, 256))
_IN_NAMES = re.compile(r" ?[a-z0-9_]+ ?")


class Words:
    """What is written in one text; a group of words is looked for once."""

    def __init__(self, source: SourceText) -> None:
        self.source = source
        names = set(source.text.encode("utf-8", "replace").translate(_NAMES).split())
        self._names = b" ".join([b"", *names, b""])  # each once: a tenth of the text
        self._known: dict[tuple[str, ...], bool] = {}

    def any_of(self, group: tuple[str, ...]) -> bool:
        """Whether one of these words stands in the text."""
        known = self._known.get(group)
        if known is None:
            names, others = _sorted_out(group)
            known = self._known[group] = self._has(names, others)
        return known

    def _has(self, names: tuple[bytes, ...], others: tuple[str, ...]) -> bool:
        for name in names:  # a generator for each of some hundred groups would cost more than the search
            if name in self._names:
                return True
        return any(word in self.source.text for word in others)


@cache
def _sorted_out(group: tuple[str, ...]) -> tuple[tuple[bytes, ...], tuple[str, ...]]:
    """The words that are looked for in names, and the others."""
    names = [word for word in group if _IN_NAMES.fullmatch(word)]
    return tuple(word.encode() for word in names), tuple(word for word in group if word not in names)


class Written:
    """The words that stand in a file and around it; a text is looked at when it is needed, and once."""

    def __init__(self, source: SourceText, path: str, project: Project | None) -> None:
        self._here = [Words(source)]
        self._path = path
        self._project = project
        self._family: list[Words] | None = None

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
    def _imported(self) -> list[Words] | None:
        """This file and those that it imports; None when there are too many to look at."""
        assert self._project is not None
        return self._words_of(self._project.imported(self._path, self._here[0].source))

    @cached_property
    def _linked(self) -> list[Words] | None:
        """The same, with the files that import this one, and with all that these import."""
        assert self._project is not None
        return self._words_of(self._project.linked(self._path, self._here[0].source))

    def _words_of(self, texts: dict[str, SourceText] | None) -> list[Words] | None:
        if texts is None or self._project is None:
            return None
        noted, found = self._project.noted, list(self._here)
        for path, source in texts.items():
            if source is not self._here[0].source:
                known = noted.get(path)
                if not isinstance(known, Words) or known.source is not source:
                    known = noted[path] = Words(source)
                found.append(known)
        return found

    def _followed(self, module: Module) -> list[Words]:
        """This file and those that its code was followed into."""
        if self._family is None:
            _ = module.facts  # what it imports is known now
            others = [other for other in module.read() if other is not module]
            for other in others:
                if "words" not in other.memo:
                    other.memo["words"] = Words(other.source)
            # without others all was looked at before
            self._family = [*self._here, *(other.memo["words"] for other in others)] if others else []
        return self._family


def stand(groups: Collection[tuple[str, ...]], texts: Iterable[Words]) -> bool:
    """Whether of each group of words one stands in one of the texts."""
    for group in groups:
        for text in texts:
            if text.any_of(group):
                break
        else:
            return False
    return True
