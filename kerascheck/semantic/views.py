"""How the programs that import a file see what stands in it: with the models, paths and settings that they give."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kerascheck.semantic.events import Event
    from kerascheck.semantic.module import Module


def views(module: Module, event: Event) -> list[tuple[Module, Event]]:
    """The events of the modules that import this one which stand at the same place; each with its module.

    An event at the top of the file is the same for all, and has none.
    """
    if event.function is None:
        return []
    known: dict[str, dict[object, list[tuple[Module, Event]]]] = module.memo.setdefault("views", {})
    if event.name not in known:
        found = known[event.name] = {}
        for user in module.users:
            for other in user.events_of(event.name):
                if other.module is module:
                    found.setdefault(other.node, []).append((user, other))
    return known[event.name].get(event.node, [])
