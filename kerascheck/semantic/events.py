"""What happens to objects of interest, in the order in which the program runs."""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING

from kerascheck.semantic.target import matches

if TYPE_CHECKING:
    import libcst as cst

    from kerascheck.semantic.classes import ClassInfo
    from kerascheck.semantic.graph import Head
    from kerascheck.semantic.module import Module
    from kerascheck.semantic.target import Release
    from kerascheck.semantic.values import Arguments, Func, Obj, Unordered, Value


class Flag(IntFlag):
    """One possible state of a model or layer. A value's states are a set of these, one for each possible past."""

    NEW = 0
    VARIABLES = 1  # its variables exist
    MARKED = 2  # `build` ran without creating them all
    CHILDREN = 4  # its children have variables, itself it is not built (`model.call(x)`)
    COMPILED = 8
    TRAINED = 16
    LOADED = 32
    UNSURE = 64  # it was handed to code that cannot be read


States = frozenset[Flag]
NEW: States = frozenset({Flag.NEW})
UNSURE: States = frozenset({Flag.UNSURE})
BUILT: States = frozenset({Flag.VARIABLES})


class Event:
    """A method call (`name`, or "__call__") on something, with what was known just before it.

    `states` are the possible states of the receiver before the call, None when they cannot be told.
    `order` counts events in the order of execution; `function` is where the call stands, None at module level.
    `site` is the call itself, or the call in the checked file that led to it in another file of the project.
    `attempts` are the `try` statements with handlers whose body it runs in, `recoveries` those it handles.
    `releases` are those of the target that tests of the installed release around it or before it surely let in,
    None: all. `untaken`: as of a `CallFact`.
    """

    __slots__ = (
        "arguments",
        "attempts",
        "function",
        "head",
        "loop",
        "module",
        "name",
        "node",
        "order",
        "owner",
        "receiver",
        "receiver_node",
        "recoveries",
        "releases",
        "site",
        "standalone",
        "statement",
        "states",
        "untaken",
    )

    def __init__(
        self,
        name: str,
        node: cst.Call,
        receiver: Value | None,
        receiver_node: cst.BaseExpression | None,
        arguments: Arguments,
        states: States | None,
        statement: cst.CSTNode | None,
        order: int,
        function: Func | None,
        owner: ClassInfo | None,
        module: Module,
        loop: int,
        standalone: bool,
        site: cst.CSTNode,
        head: Head | None = None,
        attempts: tuple[cst.CSTNode, ...] = (),
        recoveries: tuple[cst.CSTNode, ...] = (),
        releases: tuple[Release, ...] | None = None,
        untaken: bool = False,
    ) -> None:
        self.untaken = untaken
        self.name = name
        self.node = node
        self.receiver = receiver
        self.receiver_node = receiver_node
        self.arguments = arguments
        self.states = states
        self.statement = statement
        self.order = order
        self.function = function
        self.owner = owner
        self.module = module
        self.loop = loop
        self.standalone = standalone
        self.site = site
        self.head = head
        self.attempts = attempts
        self.recoveries = recoveries
        self.releases = releases

    def runs_on(self, specifier: str) -> bool:
        """Whether the tests of the installed release let it run on one that ">=3", "<3 or >=3.13" ... matches.

        Raises ValueError when the specifier cannot be read.
        """
        return self.releases is None or any(matches(item, specifier) for item in self.releases)

    def every(self, flag: Flag) -> bool:
        """Whether the receiver surely has the flag; False when its states cannot be told."""
        return self.states is not None and all(state & flag for state in self.states)

    def never(self, flag: Flag) -> bool:
        """Whether the receiver surely lacks the flag; False when its states cannot be told."""
        return self.states is not None and not any(state & (flag | Flag.UNSURE) for state in self.states)


class CallFact:
    """A call of something imported, by its canonical name.

    `standalone`: in a function that nothing in the project calls; `guarded`: inside a `try` or a test of the release,
    or behind one that returns on some releases of the target.
    `site` is the call itself, or the call in the checked file that led to it in another file of the project.
    `untaken`: in a branch that the arguments of the call that is followed leave out, or may, as one for `seed is None`
    where the seed is not known; another call may take it.
    `receiver` is the generator of random numbers that it is a method of; then `name` begins with "#generator.".
    """

    __slots__ = (
        "arguments",
        "function",
        "guarded",
        "loop",
        "module",
        "name",
        "node",
        "order",
        "original",
        "receiver",
        "site",
        "standalone",
        "statement",
        "untaken",
    )

    def __init__(
        self,
        name: str,
        original: str,
        node: cst.Call,
        arguments: Arguments,
        statement: cst.CSTNode | None,
        order: int,
        function: Func | None,
        module: Module,
        loop: int,
        standalone: bool,
        guarded: bool,
        site: cst.CSTNode,
        untaken: bool = False,
        receiver: Obj | None = None,
    ) -> None:
        self.guarded = guarded
        self.site = site
        self.untaken = untaken
        self.receiver = receiver
        self.name = name
        self.original = original
        self.node = node
        self.arguments = arguments
        self.statement = statement
        self.order = order
        self.function = function
        self.module = module
        self.loop = loop
        self.standalone = standalone


class ImportFact:
    """A name that an import brings: `name` is canonical, `original` as written, `bound` what it is called here.

    `guarded`: inside a `try` with handlers, or a test of the release, or behind one that returns.
    """

    __slots__ = ("bound", "guarded", "name", "node", "original", "statement")

    def __init__(
        self, name: str, original: str, bound: str, node: cst.CSTNode, statement: cst.CSTNode, guarded: bool
    ) -> None:
        self.guarded = guarded
        self.name = name
        self.original = original
        self.bound = bound
        self.node = node
        self.statement = statement


class OrderUse:
    """The order of a set reaches something that must not change from run to run.

    `kind` says what: "index" (positions become numbers), "classes" (a list that maps indices back), "saved".
    """

    __slots__ = ("kind", "node", "value")

    def __init__(self, kind: str, value: Unordered, node: cst.CSTNode) -> None:
        self.kind = kind
        self.value = value
        self.node = node
