"""Tables that modules of a project fill for one another: `@register("unet")` with the dictionary in another file.

A module knows what it puts into tables of others, and a program finds in a table what the modules it imports put there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.values import Mapping, Obj, Table, join

if TYPE_CHECKING:
    from kerascheck.semantic.interpreter import Interpreter
    from kerascheck.semantic.module import Module


def note_tables(self: Interpreter) -> None:
    """At the end of a module: its dictionaries that functions or other modules fill may hold more in a program."""
    if self.home.project is None:
        return
    text = self.home.source.text
    for name, value in self.root.names.items():
        if type(value) is Mapping and (not value.entries or f"{name}[" in text):
            functions = _filling(self.home, name) if f"{name}[" in text else ()
            if functions or not value.entries:
                known = Mapping(value.entries, False, Table(self.home.path, name, *_mention(name, functions)))
                self.root.names[name] = known
        elif type(value) is Obj and value.kind == "instance" and value.cls is not None and value.module is self.home:
            for key in self.heap.attributes(value):
                inner = self.heap[key]
                if type(inner) is Mapping and inner.table is None:
                    table = Table(self.home.path, f"{name}.{key[1]}", *_mention_of_object(name))
                    self.heap[key] = Mapping(inner.entries, False, table)


def _filling(module: Module, name: str) -> tuple[str, ...]:
    """The functions of a module that put something into a dictionary."""
    units = [module.index.unit(node) for node in module.index.nodes(cst.AssignTarget) if _puts(node, name)]
    statements = [module.tree.body[number] for number in sorted({unit.number for unit in units if unit is not None})]
    return tuple(statement.name.value for statement in statements if isinstance(statement, cst.FunctionDef))


def _puts(node: cst.AssignTarget, name: str) -> bool:
    target = node.target
    holder = target.value if type(target) is cst.Subscript else None
    return type(holder) is cst.Name and holder.value == name


def put(self: Interpreter, known: Mapping, value: Mapping) -> Mapping:
    """A table got more entries here: they are there in programs that import this module."""
    before = dict(known.entries)
    for key, item in value.entries:
        if known.table is not None and (key not in before or before[key] != item):
            self.registered[known.table, key] = item
    return Mapping(value.entries, False, known.table)


def filled(self: Interpreter, known: Mapping) -> Mapping:
    """A table with what the program around puts into it: the module that is followed, and those that it imports."""
    table = known.table
    if table is None:
        return known
    entries = dict(known.entries)
    modules = [module for module in self.home.loading(table.mention, table.words) if module is not self.home]
    for other in (self, *(module.interpreter for module in modules)):
        for (place, key), value in other.registered.items():
            if place == table and not (other is self and key in entries):
                # which of two modules comes last is not known
                entries[key] = value if key not in entries or entries[key] == value else join(entries[key], value)
    return Mapping(tuple(entries.items()), False)


def _mention_of_object(name: str) -> tuple[str, tuple[str, ...]]:
    """The pattern of a decorator that is a method of an object, and of a call of one by itself; and its words."""
    return rf"(?m:(?:@[ \t]*|^)(?:\w+\.)*{re.escape(name)}\.\w)", (f"{name}.",)


def _mention(name: str, functions: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The pattern of what puts something into a table, a decorator, a call or an assignment; and its words."""
    called = "|".join(map(re.escape, functions))
    calls = rf"@[ \t]*(?:\w+\.)*(?:{called})\b|^(?:\w+\.)*(?:{called})\(|" if functions else ""
    return rf"(?m:{calls}\b{re.escape(name)}\[)", (f"{name}[", *functions)
