"""What is known on paths that fork and join, against plain dictionaries that are copied at each fork."""

import random

from kerascheck.semantic.heap import Facts, joined

KEYS = [(f"object{number}", "#states") for number in range(6)]


def either(one: object, other: object) -> object:
    """What a fact is after one of two paths, as a set."""
    return (one if isinstance(one, frozenset) else frozenset({one})) | (
        other if isinstance(other, frozenset) else frozenset({other})
    )


def follow(
    facts: Facts, plain: dict[object, object], chance: random.Random, depth: int
) -> tuple[Facts, dict[object, object]]:
    """A block: assignments, and tests whose two branches are blocks."""
    for _ in range(chance.randrange(1, 8)):
        if depth and chance.random() < 0.5:
            one, one_plain = follow(facts.fork(), dict(plain), chance, depth - 1)
            other, other_plain = follow(facts.fork(), dict(plain), chance, depth - 1)
            facts = joined(one, other, either).fork()
            plain = {
                key: one_plain[key] if one_plain[key] is other_plain[key] else either(one_plain[key], other_plain[key])
                for key in plain
            }
        else:
            key = chance.choice(KEYS)
            facts[key] = plain[key] = chance.randrange(100)
    return facts, plain


def test_joined_paths_know_what_copies_would_know() -> None:
    for seed in range(25):
        chance = random.Random(seed)
        start = Facts()
        plain: dict[object, object] = {}
        for key in KEYS:
            start[key] = plain[key] = chance.randrange(100)
        facts, plain = follow(start.fork(), plain, chance, 5)
        assert facts.flat() == plain


def test_a_join_holds_what_its_paths_have_changed() -> None:
    """Also where one of the paths is many forks long: what was there before is not copied."""
    start = Facts()
    for number in range(1000):
        start[(f"object{number}", "#states")] = number
    before = start.fork()
    path = before.fork()
    for number in range(40):
        path = path.fork()
        path[(f"new{number}", "#states")] = number
    facts = joined(path, before.fork(), either)
    assert len(facts._own) == 40
    assert facts[("object7", "#states")] == 7
