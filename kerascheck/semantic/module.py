"""The facade that rules are given: one module of the user's program and what is known about it."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import libcst as cst

from kerascheck.semantic import keras_api
from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.events import CallFact, Event, ImportFact, OrderUse
from kerascheck.semantic.index import Index
from kerascheck.semantic.interpreter import Frame, Interpreter
from kerascheck.semantic.legacy import is_for_python_2, legacy_evidence
from kerascheck.semantic.marimo import as_program, cells
from kerascheck.semantic.names import canonical, is_keras
from kerascheck.semantic.parsing import parse_tree
from kerascheck.semantic.positions import LazyPositions, Positions, carries_code
from kerascheck.semantic.project import is_test_file
from kerascheck.semantic.release_tests import names_of_versions
from kerascheck.semantic.target import assumed_target, lowered_target
from kerascheck.semantic.values import Class, Func, Items, Later, ModuleValue, Ref, Value, string
from kerascheck.semantic.walk import children
from kerascheck.text import SourceText, Span

if TYPE_CHECKING:
    from kerascheck.semantic.project import Project
    from kerascheck.semantic.target import LegacyEvidence, Target


class SyntaxProblem(ValueError):
    """The text is not Python. `line` and `column` are counted from 1."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


def parse(
    source: SourceText,
    path: str,
    target: Target,
    project: Project | None = None,
    tree_of: Callable[[str], cst.Module] = parse_tree,
) -> Module:
    """Parse a text; `tree_of` does it. Raises SyntaxProblem when neither libcst nor Python itself can parse it."""
    try:
        if _is_deep(source.text):
            raise RecursionError
        tree = tree_of(as_program(source.text))
    except (cst.ParserSyntaxError, RecursionError, UnicodeError) as error:
        problem = python_problem(source.text)
        if problem is not None:
            raise problem from error
        tree = cst.Module(body=[])  # Python reads it and libcst does not: nothing can be told about it
        return Module(SourceText(""), path, tree, target, project)
    return Module(source, path, tree, target, project)


_NOT_BRACKETS = bytes(set(range(256)) - set(b"()[]{}"))
_CHAINS = (
    "+",
    "-",
    "*",
    "/",
    ".",
    "'",
    '"',
    "(",
    "[",
    "~",
    "not ",
    "lambda",
    "elif ",
    " and ",
    " or ",
    " else ",
    "await ",
)
_OPERATORS = re.compile(r"\b(?:and|or|not|else|elif)\b|[|&%@^<>]")
_OPERATOR_TEXTS = ("and", "or", "not", "else", "elif", *"|&%@^<>")
_LONG_OPERATION = 1500  # measured: 10,000 operands of one `and` end the process, 4,000 of one `|` take 10 s
_DEEPEST_BRACKETS = 200  # Python itself takes no more
_LONG_CHAIN = 2000  # measured: libcst's parser ends the process at about 3,000 nested brackets or 20,000 operators


def _is_deep(text: str) -> bool:
    """Whether a text is nested so deeply that libcst's parser could overflow the stack and end the process."""
    if len(text) < _LONG_CHAIN and text.count("(") + text.count("[") + text.count("{") < _DEEPEST_BRACKETS:
        return False
    brackets = text.encode("utf-8", "replace").translate(None, _NOT_BRACKETS)
    for _ in range(_DEEPEST_BRACKETS):
        inner = brackets.replace(b"()", b"").replace(b"[]", b"").replace(b"{}", b"")
        if inner == brackets:
            break
        brackets = inner
    else:
        return True
    # counting is faster than the pattern, and finds at least as many
    chained = sum(map(text.count, _OPERATOR_TEXTS)) >= _LONG_OPERATION
    chained = chained and len(_OPERATORS.findall(text)) >= _LONG_OPERATION
    if not chained and all(text.count(token) < _LONG_CHAIN for token in _CHAINS):
        return False
    try:
        tree = ast.parse(text)
    except (RecursionError, MemoryError):
        return True
    except (SyntaxError, ValueError):
        return False
    return chained and _has_long_operation(tree)


def _has_long_operation(tree: ast.AST) -> bool:
    """Whether one expression has so many operators that libcst, which nests them all, could overflow the stack."""
    inner: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.BoolOp) and len(node.values) > _LONG_OPERATION:
            return True
        if isinstance(node, ast.BinOp) and id(node) not in inner:
            length, left = 1, node.left
            while isinstance(left, ast.BinOp):
                inner.add(id(left))
                length, left = length + 1, left.left
            if length > _LONG_OPERATION:
                return True
    return False


def _for_source(target: Target, text: str, tree: cst.Module, path: str, project: Project | None) -> Target:
    """The target of one file: what it can only run on, or what it imports, counts where nobody asks for releases."""
    if target.assumed:
        evidence = legacy_evidence(text, tree) or _imported_evidence(path, project)
        if not evidence:
            return target
        found = assumed_target(evidence)
        # what is assumed for Python 2 may be older than what the code asks for
        return target if target.newest < found.newest else replace(found, backend=target.backend)
    if target.asked or target.keras2 or target.keras3:
        return target
    return lowered_target(target, legacy_evidence(text, tree) or _imported_evidence(path, project))


def _imported_evidence(path: str, project: Project | None) -> tuple[LegacyEvidence, ...]:
    found = None if project is None else project.import_evidence(path)
    return () if found is None else (found,)


def python_problem(text: str) -> SyntaxProblem | None:
    """Why Python itself cannot parse a text; None when it can, or when that is too much for it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the text: an invalid escape, `is` with a literal
            ast.parse(text)
    except SyntaxError as error:
        return SyntaxProblem(error.msg or "invalid syntax", error.lineno or 1, max(error.offset or 1, 1))
    except ValueError as error:  # a null character
        return SyntaxProblem(str(error), 1, 1)
    except (RecursionError, MemoryError):
        return None  # not wrong, but more than can be read
    return None


class Module:
    """One module. Everything is found on first use and kept; unknown is None or absent."""

    def __init__(
        self, source: SourceText, path: str, tree: cst.Module, target: Target, project: Project | None = None
    ) -> None:
        self.source = source
        self.path = path
        self.tree = tree
        self.target = _for_source(target, source.text, tree, path, project)
        self.project = project
        self._looked_for: dict[str, None] = {}
        self._found: dict[str, str | None] = {}
        self._stars: list[str] = []
        self.interpreter_stars: list[str] = []
        self._starred: dict[tuple[str, int], Value | None] = {}  # what is known for good
        self._attributes_used: dict[int, frozenset[str]] = {}
        self._finished = False
        self.is_running = False
        self.memo: dict[str, Any] = {}  # what other modules of this floor find out about it, kept with it
        self.imported: list[Module] = []

    # ------------------------------------------------------------------ facts for rules

    @cached_property
    def interpreter(self) -> Interpreter:
        """The interpreter after it has followed the module body."""
        interpreter = Interpreter(self)
        self.__dict__["interpreter"] = interpreter  # names are resolved while it runs
        self.is_running = True
        try:
            interpreter.run(self.tree)
        finally:
            self.is_running = False
        return interpreter

    @property
    def facts(self) -> Interpreter:
        """The interpreter after it has visited every function."""
        interpreter = self.interpreter
        if not self._finished:
            self._finished = True
            self.is_running = True
            try:
                interpreter.visit_rest()
            finally:
                self.is_running = False
        return interpreter

    @property
    def calls(self) -> list[CallFact]:
        """Calls of imported things, in the order of execution; a call in a function called twice stands twice."""
        return self.facts.calls

    @property
    def events(self) -> list[Event]:
        """Method calls of interest, in the order of execution."""
        return self.facts.events

    @property
    def imports(self) -> list[ImportFact]:
        """The names that imports bring."""
        return self.facts.imports

    @property
    def classes(self) -> list[ClassInfo]:
        """The class statements."""
        return self.facts.classes

    @property
    def functions(self) -> list[Func]:
        """The function statements, methods included."""
        return self.facts.functions

    @property
    def order_uses(self) -> list[OrderUse]:
        """The places where the order of a set reaches something that must not change."""
        return self.facts.order_uses

    def events_of(self, *names: str) -> Iterator[Event]:
        """The events with one of these names."""
        return (event for event in self.events if event.name in names)

    def calls_of(self, *names: str) -> Iterator[CallFact]:
        """The calls with one of these canonical names."""
        return (call for call in self.calls if call.name in names)

    @cached_property
    def uses_keras(self) -> bool:
        """Whether the module, or one of the project that it imports, imports any Keras."""
        return self.imports_keras or (self.project is not None and self.project.uses_keras(self.path))

    @cached_property
    def imports_keras(self) -> bool:
        """Whether the module imports any Keras, or TensorFlow and names Keras."""
        return any(
            is_keras(item.original) or (item.original.startswith("tensorflow") and "keras" in self.source.text)
            for item in self.interpreter.imports
        )

    @cached_property
    def speaks_of_keras(self) -> bool:
        """Whether the text of this module, or of one that it imports, has the word."""
        text = self.source.text
        return "keras" in text or (self.project is not None and self.project.reaches_keras(self.path, text))

    @cached_property
    def uses_only_tf_keras(self) -> bool:
        """Whether all the Keras that is imported here and in the modules that this one imports is `tf_keras`."""
        own = [item.original for item in self.interpreter.imports if is_keras(item.original)]
        if not all(name.startswith("tf_keras") for name in own) or not any("tf_keras" in text for text in self.texts()):
            return False
        family = self.family("keras")
        names = [item.original for module in family for item in module.interpreter.imports if is_keras(item.original)]
        return bool(names) and all(name.startswith("tf_keras") for name in names)

    @cached_property
    def users(self) -> list[Module]:
        """The modules of the project that import this one."""
        return self.project.users(self) if self.project is not None else []

    def users_with(self, *words: str, idle: bool = False) -> list[Module]:
        """The modules of the project that import this one, with one of the words in them or in what they import.

        Those that only import it, or only call what it has, count where `idle` is said.
        """
        if self.project is None:
            return []
        known: dict[tuple[tuple[str, ...], bool], list[Module]] = self.memo.setdefault("users", {})
        if (words, idle) not in known:
            known[words, idle] = self.project.users(self, words, idle)
        return known[words, idle]

    def deriving(self, name: str) -> list[Module]:
        """The modules of the project that import this one and derive from a class of this name."""
        return self.project.deriving(self, name) if self.project is not None else []

    @cached_property
    def serves_keras(self) -> bool:
        """Whether this module, one that it imports, or one that imports it, uses Keras."""
        return self.uses_keras or (self.project is not None and self.project.serves_keras(self.path))

    def owns(self, node: cst.CSTNode) -> bool:
        """Whether a node stands in this module."""
        if self.index.unit(node) is not None:
            return True
        return not carries_code(node) and self.positions.has(node)

    @cached_property
    def versions(self) -> Mapping[str, cst.BaseExpression] | None:
        """The names bound to something made of the installed release; None where no release is asked for."""
        text = self.source.text
        return names_of_versions(self.tree) if "__version__" in text or ".VERSION" in text else None

    @cached_property
    def index(self) -> Index:
        """The nodes by their type, and their statements."""
        return Index(self.tree)

    @property
    def is_test(self) -> bool:
        """Whether the file is one of tests, by its name or folder."""
        return is_test_file(self.path)

    @cached_property
    def is_python_2(self) -> bool:
        """Whether the file can only run on Python 2, or says that it does."""
        return is_for_python_2(self.source.text)

    @cached_property
    def has_entry_point(self) -> bool:
        """Whether the file is run: a main guard, a loop or a call at module level, here or in a file importing it."""
        for statement in self.tree.body:
            if isinstance(statement, (cst.For, cst.While, cst.With)):
                return True
            if isinstance(statement, cst.If) and "__name__" in self.code(statement.test):
                return True
            for small in statement.body if isinstance(statement, cst.SimpleStatementLine) else ():
                if isinstance(small, cst.Expr) and isinstance(small.value, cst.Call):
                    return True
        return self.project is not None and self.project.is_run_elsewhere(self.path)

    @cached_property
    def is_tensorflow_1(self) -> bool:
        """Whether the code can only run on TensorFlow 1: it calls what TensorFlow 2 does not have."""
        return any(
            call.original in _TENSORFLOW_1 or call.original.startswith("tensorflow.contrib.") for call in self.calls
        )

    # ------------------------------------------------------------------ places

    @cached_property
    def _cells(self) -> list[tuple[int, int]]:
        return cells(self.source.text)

    def may_write(self, start: int, end: int) -> bool:
        """Whether text may be changed between two offsets: in a marimo file only in its cells, the rest is marimo's."""
        return not self._cells or any(first < start and end < last for first, last in self._cells)

    @cached_property
    def positions(self) -> Positions:
        """The spans of all nodes."""
        if "\f" in self.source.text:  # libcst loses some
            return Positions(self.tree, self.source.text)
        return LazyPositions(self.tree, self.source.text, self.index)

    def forget_places(self) -> None:
        """Give back what was found out about where nodes stand; it can be found again."""
        self.__dict__.pop("positions", None)

    def span(self, node: cst.CSTNode) -> Span:
        """The code points of a node, without the comments above it."""
        return self.positions.span(node)

    def code(self, node: cst.CSTNode) -> str:
        """The text of a node, without the comments above it and without its own parentheses."""
        if type(node) is cst.Name and not node.lpar:
            return node.value
        if isinstance(node, cst.BaseExpression) and not node.lpar:
            try:
                text = self.tree.code_for_node(node)
            except RecursionError:
                text = "\n"
            if "\n" not in text and "\r" not in text:  # else the indentation of the lines is missing
                return text  # to find out where it stands would cost a third of the parse
        span = self.span(node)
        return self.source.text[span.start : span.end]

    # ------------------------------------------------------------------ names, used by the interpreter

    def note_star(self, base: str) -> None:
        """`from base import *`: names that are bound nowhere else may come from it."""
        if self._file_of(base) is not None:
            self._stars.append(base)
        self.interpreter_stars.append("" if base.startswith(".") else base)

    def starred(self, name: str) -> Value | None:
        """The value of a name that a star import of a Keras namespace or of a project's module brings."""
        key = name, len(self.interpreter_stars)
        if key in self._starred:
            return self._starred[key]
        for base in reversed(self.interpreter_stars):
            whole = canonical(base)
            if whole == "keras" or whole.startswith("keras."):
                namespace = whole[6:]
                if name in keras_api.public_names(namespace):
                    return Ref(canonical(f"{whole}.{name}"), f"{base}.{name}")
        final = True
        for base in reversed(self._stars):
            path = self._file_of(base)
            text = self.project.text(path) if self.project is not None and path is not None else ""
            if name not in text and "*" not in text:
                continue  # it binds no such name
            module = self._star(base)
            found = module.exported(name) if module is not None else None
            if found is not None and module is not None:
                if not module.is_running:
                    self._starred[key] = found
                return found
            final = final and module is not None and module.never_exports(name)
        if final:
            self._starred[key] = None
        return None

    def never_exports(self, name: str) -> bool:
        """Whether the module was followed, and neither binds the name nor gets it by a star import."""
        if self.is_running or name in self.interpreter.root.names:
            return False
        return not self.interpreter_stars or (name, len(self.interpreter_stars)) in self._starred

    def _star(self, base: str) -> Module | None:
        found = self._project_module(base)
        return found.module if found is not None else None

    @property
    def star_modules(self) -> list[Module]:
        """The modules of the project all of whose names are imported."""
        return [module for module in map(self._star, self._stars) if module is not None]

    def exported(self, name: str) -> Value | None:
        """The value of a module-level name for another file; None when it is bound more than once."""
        root = self.interpreter.root
        if name in root.names:
            value = self.interpreter.settled(root.names, name)
            settled = name not in root.rebound or isinstance(value, (Ref, Class, Func))
            return value if settled else None
        return self._listed(name) or self.starred(name)

    def _listed(self, name: str) -> ModuleValue | None:
        """The module of a package that its `__all__` names: a star import of the package imports it."""
        if not self.path.endswith("__init__.py") or "__all__" not in self.interpreter.root.names:
            return None
        listed = self.interpreter.settled(self.interpreter.root.names, "__all__")
        if not isinstance(listed, Items) or all(string(item) != name for item in listed.items):
            return None
        return self._project_module(f".{name}")

    def imported_later(self, dotted: str, base: str) -> Later | None:
        """A name imported from the project, before it is used; None when it is not the project's.

        `from base import name` gives `base` and `base.name`; `import dotted` gives no base.
        """
        found = self._file_of(base or dotted) is not None or (base and self._file_of(dotted) is not None)
        return Later(self, dotted, base) if found else None

    def settled(self, later: Later) -> Value | None:
        """The value of a name imported from the project, once it is used."""
        if later.known:
            return later.value
        later.known = True  # what is found out now may ask for it again: two files that import a name of one another
        found = self.resolve_import(later.dotted, later.base)
        value = found[0] if found is not None else None
        path = self._file_of(later.base or later.dotted)
        later.value = value
        if value is None and path is not None and self.project is not None and self.project.is_under_way(path):
            later.known = False  # it is asked again when that module is done
        return value

    def settled_if_read(self, later: Later) -> Value | None:
        """The same, when the module it comes from is read already."""
        path = self._file_of(later.base or later.dotted)
        read = later.known or (self.project is not None and path is not None and self.project.is_read(path))
        return self.settled(later) if read else None

    def bound(self, name: str) -> Value | None:
        """What a name of the module is bound to at its end."""
        return self.interpreter.settled(self.interpreter.root.names, name)

    def resolve_import(self, dotted: str, base: str) -> tuple[Value | None] | None:
        """The value of a name imported from the project in a 1-tuple; None when it is not the project's.

        `from base import name` gives `base` and `base.name`; `import dotted` gives no base.
        """
        if self.project is None:
            return None
        if not base:
            found = self._project_module(dotted)
            return None if found is None else (found,)
        found = self._project_module(base)
        name = dotted[len(base) :].lstrip(".")
        if found is not None and found.module is not None:
            self.interpreter.adopt(found.module)
            value = found.module.exported(name)
            if value is not None or name in found.module.interpreter.root.names:
                return (value,)
        inner = self._project_module(f"{base}{name}" if base.endswith(".") else f"{base}.{name}")
        if inner is not None:
            return (inner,)
        return (None,) if found is not None else None

    def foreign_attribute(self, base: Value, name: str) -> Value | None:
        """The attribute of a module of the project: what it binds, or a module inside the package."""
        if not isinstance(base, ModuleValue):
            return None
        if base.module is not None:
            value = base.module.exported(name)
            if value is not None:
                return value
        inner = self._project_module(f"{base.name}.{name}")
        return inner if inner is not None else None

    def _project_module(self, dotted: str) -> ModuleValue | None:
        path = self._file_of(dotted)
        if self.project is None or path is None:
            return None
        module = self.project.module(path, self)
        if module is not None:
            self._note_read(module)
        return ModuleValue(module, dotted)

    def _note_read(self, module: Module) -> None:
        self.interpreter.adopt(module)
        if module not in self.imported:
            self.imported.append(module)

    def _file_of(self, dotted: str) -> str | None:
        """The file of a module of the project, by the name under which it is imported here."""
        if dotted not in self._found:
            path: str | None = None
            if self.project is not None and dotted:
                path, looked = self.project.find(self.path, dotted)
                self._looked_for.update(dict.fromkeys(looked))
            self._found[dotted] = path
        return self._found[dotted]

    @property
    def dependencies(self) -> tuple[str, ...]:
        """The files that were read or looked for here and in the modules that were read for this one, each once."""
        return tuple(dict.fromkeys(path for module in self.read() for path in module._looked_for))

    def family(self, *words: str) -> list[Module]:
        """This module, and those of the project that it imports, directly or not, with one of the words in their text.

        They are read for it.
        """
        known: dict[tuple[str, ...], list[Module]] = self.memo.setdefault("family", {})
        if words not in known:
            known[words] = [self]
            if self.project is not None:
                for path in self.project.reach(self.path):
                    text = self.project.text(path)
                    module = self.project.module(path, self) if any(word in text for word in words) else None
                    if module is not None and module is not self:
                        self._note_read(module)
                        known[words].append(module)
        return known[words]

    def loading(self, pattern: str, words: tuple[str, ...]) -> Iterator[Module]:
        """The modules of the project that are run when this one is imported, directly or not, with a pattern in them.

        The packages that they lie in are among them. What matches the pattern has one of the words.
        """
        if self.project is None:
            return
        known: dict[str, list[str]] = self.memo.setdefault("loading", {})
        if pattern not in known:
            paths: list[str] | None = self.memo.get("run by imports")
            if paths is None:
                paths = self.memo["run by imports"] = list(self.project.reach(self.path, packages=True))
            known[pattern] = [path for path in paths if self.project.has_pattern(path, pattern, words)]
        for path in known[pattern]:
            found = self.project.module(path, self)
            if found is not None and found is not self:
                self._note_read(found)
                yield found

    def reaches(self, other: Module) -> bool:
        """Whether this module is the other one or imports it, directly or not."""
        return other is self or (self.project is not None and self.project.reaches(self.path, other.path))

    def texts(self) -> Iterator[str]:
        """The text of this module and of those of the project that it imports, directly or not."""
        yield self.source.text
        if self.project is not None:
            yield from map(self.project.text, self.project.reach(self.path))

    def read(self) -> Iterator[Module]:
        """This module and those of the project that were read for what it imports from them, directly or not."""
        seen: set[int] = set()
        queue: list[Module] = [self]
        while queue:
            module = queue.pop()
            if id(module) not in seen:
                seen.add(id(module))
                yield module
                queue += module.imported

    def attributes_used(self, node: cst.FunctionDef) -> frozenset[str]:
        """The names of all attributes that a function mentions, but for saving and loading through them."""
        known = self._attributes_used.get(id(node))
        if known is None:
            found: set[str] = set()
            _collect_attributes(node.body, found)
            known = self._attributes_used[id(node)] = frozenset(found)
        return known


_TENSORFLOW_1 = frozenset(
    """tensorflow.Session tensorflow.placeholder tensorflow.ConfigProto tensorflow.get_default_graph
    tensorflow.global_variables_initializer tensorflow.InteractiveSession tensorflow.variable_scope
    tensorflow.get_variable tensorflow.reset_default_graph tensorflow.initialize_all_variables""".split()
)
_HARMLESS_METHODS = frozenset({"load_weights", "save_weights", "save", "summary", "compile", "to_json", "get_config"})


def _collect_attributes(node: cst.CSTNode, found: set[str]) -> None:
    if type(node) is cst.Attribute:
        if type(node.value) is cst.Attribute and node.attr.value in _HARMLESS_METHODS:
            _collect_attributes(node.value.value, found)
            return
        found.add(node.attr.value)
    for child in children(node):
        _collect_attributes(child, found)


__all__ = ["Class", "Frame", "Module", "SyntaxProblem", "parse"]
