"""What is known of objects on one path: their states and attributes.

A path that forks gets an overlay, so a fork costs nothing and a join looks only at what the paths changed. What other
modules know lies below all paths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

Key = tuple[object, str]
_MISSING = object()
_DEEPEST = 12
_MOST_FLAT = 8  # how many flattened facts a path remembers what they were made of
_FARTHEST = 200  # forks between two paths and what they have in common
# facts that are sets of possibilities: None is the one in which nothing has happened yet
_NOTHING_YET = ("#phase", "#train")
_NOTHING: frozenset[None] = frozenset({None})


class Facts:
    """A mapping of (object, slot) to a fact. Once forked it must not be changed any more.

    `foreign` are the facts of other modules, shared by all forks; they may grow at any time.
    """

    __slots__ = ("_depth", "_own", "_parent", "_whole_of", "foreign")

    def __init__(self, parent: Facts | None = None, foreign: dict[Key, object] | None = None) -> None:
        self._own: dict[Key, object] = {}
        self._parent = parent
        self._whole_of: Facts | None = None  # what these are all the facts of; they are not changed then
        self.foreign: dict[Key, object] = foreign if foreign is not None else {} if parent is None else parent.foreign
        self._depth: int = 0 if parent is None else parent._depth + 1

    def fork(self) -> Facts:
        """An independent continuation."""
        if self._depth < _DEEPEST:
            return Facts(self)
        flat = Facts(foreign=self.foreign)
        flat._own = self._changed()
        flat._whole_of = self
        flat._forget_old()
        return Facts(flat)

    def _forget_old(self) -> None:
        """Let go of what is long past: two paths that part there are joined by all of their facts."""
        facts: Facts | None = self
        for _ in range(_MOST_FLAT):
            facts = facts._whole_of if facts is not None else None
            while facts is not None and facts._parent is not None:
                facts = facts._parent
        if facts is not None:
            facts._whole_of = None

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
        return dict(self._since(base))

    def _since(self, base: Facts) -> dict[Key, object]:
        """The same, to be read only."""
        if self._parent is base:
            return self._own
        chain = []
        facts: Facts | None = self
        while facts is not None and facts is not base:
            if facts._whole_of is not None:
                facts = facts._whole_of
            else:
                chain.append(facts._own)
                facts = facts._parent
        result: dict[Key, object] = {}
        for own in reversed(chain):
            result.update(own)
        if facts is None:  # what it was forked from is forgotten
            return {key: value for key, value in result.items() if base.get(key, _MISSING) is not value}
        return result


def joined(one: Facts, other: Facts, join: Callable[[object, object], object]) -> Facts:
    """The facts after either of two paths. A fact that one path lacks is the other's."""
    if one is other:
        return one
    base = _common(one, other)
    result = Facts(foreign=one.foreign) if base is None else base.fork()
    left = one._changed() if base is None else one._since(base)
    right = other._changed() if base is None else other._since(base)
    if not left and not right:
        return result
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
    if one._parent is other._parent:
        return one._parent
    seen = {id(facts) for facts in _line(one)}
    return next((facts for facts in _line(other) if id(facts) in seen), None)


def _line(facts: Facts | None) -> Iterator[Facts]:
    """What facts were forked from, the nearest first, themselves at the front."""
    for _ in range(_FARTHEST):
        if facts is None:
            return
        yield facts
        facts = facts._whole_of or facts._parent
