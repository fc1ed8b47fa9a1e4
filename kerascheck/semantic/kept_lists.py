"""Lists that a program makes once, writes to a file, and reads from there as soon as the file exists."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.kept_by_helper import is_kept_by_the_caller
from kerascheck.semantic.walk import walk

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

_EXISTS = re.compile(r"\b(?:isfile|exists|is_file)\(")
_READS = re.compile(r"\bopen\(|\bloads?\(|\bread_\w+\(|\breadlines?\(")
_WRITES = re.compile(
    r"\bopen\([^()]*,\s*(?:mode\s*=\s*)?[rbf]?[\"'][wxa]|\bdump\(|\bwrite_(?:text|bytes)\(|\bsave(?:txt)?\(|\bto_csv\("
)

_PUTS = re.compile(r"\bdump\(|\.write\(|\.writelines\(")
_OPEN_TO_WRITE = re.compile(r"\bopen\(\s*([a-zA-Z_][\w.]*)\s*,\s*(?:mode\s*=\s*)?[\"']w")
_OPEN_TO_READ = re.compile(
    r"(?:\bloads?\(\s*|\bwith[ \t]+)open\(\s*([a-zA-Z_][\w.]*)\s*(?:,\s*(?:mode\s*=\s*)?[\"']r[bt]?[\"']\s*)?"
    r"(?:,\s*encoding\s*=[^,()]*)?\)"
)


def is_read_back(module: Module, place: cst.CSTNode) -> bool:
    """Whether what is made at a place is made only where a file is missing that else gives it, and is written there.

    `if isfile(path): self.words = open(path).read().split() else: self.words = list(set(words))`, and a method of the
    same class, or the same function, writes `self.words`. Or whether one branch of a test writes it to the file which
    the other branch reads, itself or in the function that it calls for it.
    """
    if module.owns(place) and _is_read_by_the_other_branch(module, place):
        return True
    if not module.owns(place):
        return False
    if is_kept_by_the_caller(module, place):
        return True
    if _EXISTS.search(module.source.text) is None:
        return False
    for test in module.index.nodes(cst.If):
        if not isinstance(test.orelse, cst.Else) or not _EXISTS.search(module.code(test.test)):
            continue
        for branch, other in ((test.body, test.orelse.body), (test.orelse.body, test.body)):
            target = _bound(module, branch, place)
            if target is None or not _READS.search(module.code(other)):
                continue
            if any(target in _targets(module, node) for node in walk(other)) and _is_written(module, target, place):
                return True
    return False


def _is_read_by_the_other_branch(module: Module, place: cst.CSTNode) -> bool:
    """`if training: pickle.dump(list(columns), open(path, "wb")) else: columns = pickle.load(open(path, "rb"))`."""
    for test in module.index.nodes(cst.If):
        if not isinstance(test.orelse, cst.Else):
            continue
        for branch, other in ((test.body, test.orelse.body), (test.orelse.body, test.body)):
            lines = [node for node in walk(branch) if isinstance(node, cst.SimpleStatementLine)]
            line = next((node for node in lines if any(item is place for item in walk(node))), None)
            if line is None or not _PUTS.search(module.code(line)):
                continue
            written = set(_OPEN_TO_WRITE.findall(module.code(branch)))
            read = set(_OPEN_TO_READ.findall(module.code(other)))
            bound = {target for node in walk(test) for target in _targets(module, node)}
            if len(written) == 1 and written <= read - bound:
                return True
    return False


def _bound(module: Module, block: cst.CSTNode, place: cst.CSTNode) -> str | None:
    """The name or attribute that a statement of a block binds to a value with a place in it."""
    for node in walk(block):
        if isinstance(node, cst.Assign) and len(node.targets) == 1 and any(item is place for item in walk(node.value)):
            return next(iter(_targets(module, node)), None)
    return None


def _targets(module: Module, node: cst.CSTNode) -> list[str]:
    targets = [item.target for item in node.targets] if isinstance(node, cst.Assign) else []
    return [module.code(item) for item in targets if isinstance(item, (cst.Name, cst.Attribute))]


def _is_written(module: Module, target: str, place: cst.CSTNode) -> bool:
    """Whether a function of the same class, or the one with the place, or the program itself, writes the list."""
    word = re.compile(rf"(?<![\w.]){re.escape(target)}(?![\w.])")
    if target.startswith("self."):
        owners = [node for node in module.index.nodes(cst.ClassDef) if any(item is place for item in walk(node))]
        homes = [node for owner in owners for node in walk(owner) if isinstance(node, cst.FunctionDef)]
    else:
        functions = module.index.nodes(cst.FunctionDef)
        homes = [node for node in functions if any(item is place for item in walk(node))]
    texts = [module.code(node.body) for node in homes] or ([] if "." in target else [module.source.text])
    return any(_WRITES.search(text) and word.search(text) for text in texts)
