"""What is known of objects on one path: their states and attributes.

A path that forks gets an overlay, so a fork costs nothing and a join looks only at what the paths changed. What other
modules know lies below all paths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

Key = tuple[object, str]
_MISSING = object()
_DEEPEST = 12
# facts that are sets of possibilities: None is the one in which nothing has happened yet
_NOTHING_YET = ("#phase", "#train")
_NOTHING: frozenset[None] = frozenset({None})


class Facts:
    """A mapping of (object, slot) to a fact. Once forked it must not be changed any more.

    `foreign` are the facts of other modules, shared by all forks; they may grow at any time.
    """

    __slots__ = ("_depth", "_own", "_parent", "foreign")

    def __init__(self, parent: Facts | None = None, foreign: dict[Key, object] | None = None) -> None:
        self._own: dict[Key, object] = {}
        self._parent = parent
        self.foreign: dict[Key, object] = foreign if foreign is not None else {} if parent is None else parent.foreign
        self._depth: int = 0 if parent is None else parent._depth + 1

    def fork(self) -> Facts:
        """An independent continuation."""
        if self._depth < _DEEPEST:
            return Facts(self)
        flat = Facts(foreign=self.foreign)
        flat._own = self._changed()
        return flat

    def get(self, key: Key, default: object = None) -> object:
        """The fact for a key."""
        facts: Facts | None = self
        while facts is not None:
            found = facts._own.get(key, _MISSING)
            if found is not _MISSING:
                return found
            facts = facts._parent
        return self.foreign.get(key, default)

    def __getitem__(self, key: Key) -> object:
        found = self.get(key, _MISSING)
        if found is _MISSING:
            raise KeyError(key)
        return found

    def __setitem__(self, key: Key, value: object) -> None:
        self._own[key] = value

    def __contains__(self, key: Key) -> bool:
        return self.get(key, _MISSING) is not _MISSING

    def __iter__(self) -> Iterator[Key]:
        return iter(self.flat())

    def __bool__(self) -> bool:
        facts: Facts | None = self
        while facts is not None:
            if facts._own:
                return True
            facts = facts._parent
        return bool(self.foreign)

    def items(self) -> Iterable[tuple[Key, object]]:
        """All keys and facts."""
        return self.flat().items()

    def attributes(self, holder: object) -> list[Key]:
        """The keys of an object's attributes; slots whose name begins with `#` are none."""
        found: dict[Key, None] = {}
        facts: Facts | None = self
        while facts is not None:
            found.update((key, None) for key in facts._own if key[0] is holder and key[1][0] != "#")
            facts = facts._parent
        found.update((key, None) for key in self.foreign if key[0] is holder and key[1][0] != "#")
        return list(found)

    def update(self, other: Mapping[Key, object]) -> None:
        """Take over the facts of a plain mapping."""
        self._own.update(other)

    def flat(self) -> dict[Key, object]:
        """All facts as one dictionary, a new one."""
        return {**self.foreign, **self._changed()}

    def _changed(self) -> dict[Key, object]:
        """All facts but those of other modules."""
        chain = []
        facts: Facts | None = self
        while facts is not None:
            chain.append(facts._own)
            facts = facts._parent
        result: dict[Key, object] = {}
        for own in reversed(chain):
            result.update(own)
        return result

    def since(self, base: Facts) -> dict[Key, object]:
        """What has changed since a heap that this one was forked from, perhaps over several steps."""
        chain = []
        facts: Facts | None = self
        while facts is not None and facts is not base:
            chain.append(facts._own)
            facts = facts._parent
        result: dict[Key, object] = {}
        for own in reversed(chain):
            result.update(own)
        if facts is None:  # flattened on the way
            return {key: value for key, value in result.items() if base.get(key, _MISSING) is not value}
        return result


def joined(one: Facts, other: Facts, join: Callable[[object, object], object]) -> Facts:
    """The facts after either of two paths. A fact that one path lacks is the other's."""
    if one is other:
        return one
    base = _common(one, other)
    result = Facts(foreign=one.foreign) if base is None else base.fork()
    left = one._changed() if base is None else one.since(base)
    right = other._changed() if base is None else other.since(base)
    before = one.foreign if base is None else base
    for key, value in left.items():
        rival = right.get(key, _MISSING)
        if rival is _MISSING:
            rival = before.get(key, _MISSING)
        if rival is _MISSING and key[1][:6] in _NOTHING_YET:
            rival = _NOTHING
        if rival is _MISSING or rival is value:
            result[key] = value
        else:
            result[key] = join(value, rival)
    for key, value in right.items():
        if key not in left:
            rival = before.get(key, _MISSING)
            if rival is _MISSING and key[1][:6] in _NOTHING_YET:
                rival = _NOTHING
            result[key] = value if rival is _MISSING or rival is value else join(rival, value)
    return result


def _common(one: Facts, other: Facts) -> Facts | None:
    seen = set()
    facts: Facts | None = one
    while facts is not None:
        seen.add(id(facts))
        facts = facts._parent
    facts = other
    while facts is not None:
        if id(facts) in seen:
            return facts
        facts = facts._parent
    return None
