"""What a seed is for: the numbers that are drawn for data, and not the training."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.calls import TRAINING_METHODS
from kerascheck.semantic.names import is_keras
from kerascheck.semantic.notebook_cells import cell_around
from kerascheck.semantic.training import SEEDS, Seed, is_none, models_of
from kerascheck.semantic.walk import children, walk
from kerascheck.semantic.written_rows import are_given, derived_names

if TYPE_CHECKING:
    from kerascheck.semantic.events import CallFact, Event
    from kerascheck.semantic.module import Module

_NAME = re.compile(r"[A-Za-z_]\w*")
_GENERATORS = {"python": "random.", "numpy": "numpy.random.", "tensorflow": "tensorflow.random."}
_GENERATOR_NAMES = (".default_rng", ".RandomState", ".Generator", ".SeedSequence", ".Random")
_CHOOSES = re.compile(
    r"(?:[^\s=][^\n=]*=[ \t]*)?(?:(?:np|numpy)\.random|random|rn)\.(?:shuffle|permutation|choice|sample)\("
    r"|[^\s=][^\n=]*=[ \t]*(?:random|rn)\.randint\("
    r"|(?:[^\s=][^\n=]*=[ \t]*)?(?:np|numpy)\.random\.rand\([^\n]*\)[ \t]*<"  # a mask that splits rows
)
_CHOICES = re.compile(r"(?:numpy\.)?random\.(?:shuffle|permutation|choice|sample)")  # as imports bring them
_PREPARES = re.compile(r"[A-Za-z_][\w., \[\]]*=(?!=)")
_BETWEEN = 2  # lines that make what is shuffled
# what mixes data with numbers of these generators, by its name where it is of no library that is known
_MIXES = re.compile(
    r"(?!numpy\.|tensorflow\.|keras\.)(?:\w+\.)*\w*(?:permut|shuffl|train_test_split|sample)\w*\Z", re.IGNORECASE
)

# a comment that says of a seed what it keeps equal, and words of one that means more than the data
_KEEPS = re.compile(r"\b(?:seed|random|same\b|fix|always|reproduc|repeat|consisten|determin)", re.IGNORECASE)
_DATA = re.compile(
    r"\b(?:data|files?\b|fold|images?\b|indices|masks?\b|noise|order|permut|rows?\b|sampl|shuffl|split)", re.IGNORECASE
)
_MORE = re.compile(
    r"\b(?:everything|experiment|initiali[sz]er|keras|models?\b|networks?\b|results?\b|tensorflow|tf\b|training\b|weights?\b)",
    re.IGNORECASE,
)

_EXITS = re.compile(r"(?:sys\.exit|exit|quit|os\._exit)\([^\n]*\)$")
_TRAINS = re.compile(r"\b(?:apply_gradients|fit|learn|main|optimi[sz]e|run|train)\w*\(")


def draws_shared(call: CallFact) -> bool:
    """Whether a call draws from the generators that all share; a generator of its own has its own numbers."""
    drawn = call.name.startswith(("random.", "numpy.random.")) and not call.name.endswith(_GENERATOR_NAMES)
    return drawn and call.name not in SEEDS


def hands_out(seed: Seed, kind: type[cst.Yield] | type[cst.Return]) -> bool:
    """Whether the function that seeds returns something, or yields it; those inside of it do not count."""
    function = seed.call.function
    stack = list(children(function.node.body)) if function is not None else []
    while stack:
        node = stack.pop()
        if isinstance(node, kind) and node.value is not None:
            return True
        if not isinstance(node, (cst.FunctionDef, cst.ClassDef, cst.Lambda)):
            stack += children(node)
    return False


def is_behind_models(program: Module, seed: Seed, trained: list[Event]) -> bool:
    """Whether a seed stands behind all models that are trained, and in front of numbers drawn for their data."""
    drawn, call = _GENERATORS.get(seed.kind), seed.call
    if drawn is None or seed.imported or call.standalone or call.module is not program:
        return False
    for event in trained:
        models = models_of(event)
        if event.standalone or not models or any(model.call is None or model.order > call.order for model in models):
            return False
        if any(model.form == "subclass" for model in models):
            return False  # its weights come with the first call
    last = min(event.order for event in trained)
    between = [item.name for item in program.calls if call.order < item.order < last and item.name not in SEEDS]
    return any(name.startswith(drawn) or _MIXES.match(name) for name in between)


def is_for_its_cell(program: Module, seed: Seed, trained: list[Event]) -> bool:
    """Whether the cell of a notebook that seeds makes no model, and all numbers for the data are drawn in it.

    Those that are drawn in front of the seed are not its own.
    """
    drawn, call = _GENERATORS.get(seed.kind), seed.call
    cell = cell_around(program, call.node) if call.module is program and call.function is None else None
    if drawn is None or cell is None:
        return False
    last = max(event.order for event in trained)

    def is_here(site: cst.CSTNode) -> bool:
        return program.owns(site) and program.span(site).start in cell

    if any(is_here(event.site) for event in program.events) or any(
        is_keras(item.name) and is_here(item.site) for item in program.calls if item.name not in SEEDS
    ):
        return False
    numbers = [
        item
        for item in program.calls
        if call.order < item.order < last
        and ((draws_shared(item) and item.name.startswith(drawn)) or _MIXES.match(item.name))
    ]
    elsewhere = [item for item in numbers if not is_here(item.site)]
    return len(elsewhere) < len(numbers) and not any(_may_train(program, item) for item in elsewhere)


def _may_train(program: Module, draw: CallFact) -> bool:
    """Whether a model may be trained with what is drawn: not with a name that only other calls are given."""
    line = draw.statement.body[0] if isinstance(draw.statement, cst.SimpleStatementLine) else None
    if draw.function is not None or not program.owns(draw.node) or not isinstance(line, cst.Assign):
        return True
    names = {name for target in line.targets for name in _NAME.findall(program.code(target.target))}
    after = program.source.text[program.span(draw.node).end :]
    return are_given(after, rf"\.(?:{'|'.join(TRAINING_METHODS)})\(", derived_names(after, names), nested=True)


def is_for_the_last_lines(seed: Seed) -> bool:
    """Whether the block of a seed ends the program further down, by `exit()`, and trains nothing before."""
    module, statement = seed.call.module, seed.call.statement
    function = seed.call.function
    if function is None or statement is None:
        return False
    for block in (node for node in walk(function.node.body) if isinstance(node, cst.IndentedBlock)):
        place = next((index for index, line in enumerate(block.body) if line is statement), len(block.body))
        for line in block.body[place + 1 :]:
            text = module.code(line)
            if _EXITS.match(text.strip()):
                return True
            if _TRAINS.search(text):
                break
    return False


def is_for_a_draw(program: Module, seed: Seed) -> bool:
    """Whether a function seeds with what it is given, for the numbers that it draws itself."""
    function = seed.call.function
    if function is None or not isinstance(function.node, cst.FunctionDef):
        return False
    given = [node for node, _ in seed.call.arguments.positional]
    names = {item.name.value for item in function.node.params.params}
    if len(given) != 1 or not isinstance(given[0], cst.Name) or given[0].value not in names:
        return False
    return any(call.function is function and draws_shared(call) for call in program.calls)


def is_for_own_numbers(seed: Seed, helped: bool = False) -> bool:
    """Whether a function seeds the generator that it draws from or splits by, and makes no model: it gives out data.

    `helped`: or a helper draws, which it calls behind the seed and which has nothing to do with Keras.
    """
    function, drawn = seed.call.function, _GENERATORS.get(seed.kind)
    if function is None or drawn is None or not isinstance(function.node, cst.FunctionDef):
        return False
    own = [call for call in seed.call.module.calls if call.function is function]
    if any(is_keras(call.name) for call in own) or any(event.function is function for event in seed.call.module.events):
        return False
    module = seed.call.module  # of whose orders a program that follows a call knows nothing
    text, start = module.source.text, module.span(seed.call.node).start
    for call in own:
        place = module.span(call.node).start
        given = call.name.endswith(_GENERATOR_NAMES) and text[:place].rstrip().endswith("return")
        drawing = call.name.startswith(drawn) or (seed.kind == "numpy" and _MIXES.match(call.name))
        if place > start and drawing and not given:  # a generator that is returned is no number
            return True
    return helped and _is_drawn_by_helper(seed, function.node, drawn)


def _is_drawn_by_helper(seed: Seed, function: cst.FunctionDef, drawn: str) -> bool:
    """Whether a function draws which one that seeds calls afterwards, and which does nothing with Keras."""
    module = seed.call.module
    after = module.source.text[module.span(seed.call.node).end : module.span(function).end]
    names = set(re.findall(r"(?<![\w.])(?:self\.)?(\w+)\(", after))
    used = {event.function.node for event in module.events if event.function is not None}
    used |= {call.function.node for call in module.calls if call.function is not None and is_keras(call.name)}
    for call in module.calls:
        helper = call.function.node if call.function is not None else None
        if not isinstance(helper, cst.FunctionDef) or helper.name.value not in names or helper in {function, *used}:
            continue
        if call.name.startswith(drawn) and not call.name.endswith(_GENERATOR_NAMES):
            return True
    return False


def is_for_layers_too(seed: Seed) -> bool:
    """Whether a layer or model seeds with a number that it hands to what it makes, such as initializers."""
    function, given = seed.call.function, [node for node, _ in seed.call.arguments.positional]
    if function is None or len(given) != 1 or not isinstance(given[0], cst.Name):
        return False
    if function.owner is None or function.owner.keras_kind not in {"layer", "model"}:
        return False
    text = seed.call.module.code(function.node)
    made = re.findall(rf"([\w.]+)\([^()]*\b{re.escape(given[0].value)}\b[^()]*\)", text)
    return any("seed" not in name and name != "__init__" for name in made)


def is_for_the_next_line(seed: Seed) -> bool:
    """Whether the only seed stands above a shuffle or choice, and at most what is shuffled is made in between."""
    module = seed.call.module
    line = module.source.position(module.span(seed.call.node).end).line
    brought = {item.bound for item in module.imports if _CHOICES.fullmatch(item.original)}
    names = "|".join(map(re.escape, sorted(brought)))
    called = re.compile(rf"(?:[^\s=][^\n=]*=[ \t]*)?(?:{names})\(") if names else None
    between = 0
    for number in range(line + 1, min(line + 12, len(module.source.line_starts)) + 1):
        text = module.source.line(number).strip()
        if _CHOOSES.match(text) or (called is not None and called.match(text)):
            return True
        if text and not text.startswith("#"):
            between += 1
            if between > _BETWEEN or not _PREPARES.match(text):
                return False
    return False


def is_said_to_be_for_data(seed: Seed) -> bool:
    """Whether a comment beside a seed, or those directly above, say that it keeps data or their order equal."""
    module = seed.call.module
    span, position = module.span(seed.call.node), module.source.position
    if seed.kind not in {"numpy", "python"}:
        return False
    said = module.source.line(position(span.end).line)[position(span.end).column - 1 :].partition("#")[2]
    number = position(span.start).line - 1
    while number > 0 and (text := module.source.line(number).strip()).startswith("#"):
        said, number = f"{text.lstrip('# ')} {said}", number - 1
    kept = any(_KEEPS.search(part) and _DATA.search(part) for part in re.split(r"[,;:.()]", said))
    return kept and _MORE.search(said) is None


def is_beside_own_seeds(program: Module, seed: Seed) -> bool:
    """Whether a function draws once from what it seeds, directly below, and its splits have seeds of their own."""
    call, drawn = seed.call, _GENERATORS.get(seed.kind)
    own = [item for item in program.calls if item.function is call.function and item.order > call.order]
    numbers = [item for item in own if drawn is not None and item.name.startswith(drawn) and draws_shared(item)]
    splits = [item for item in own if _MIXES.match(item.name)]
    if call.function is None or len({item.node for item in numbers}) != 1 or not splits:
        return False
    states = [item.arguments.find("random_state") for item in splits]
    return all(state is not None and not is_none(state[1]) for state in states) and _is_near(call, numbers[0])


def _is_near(seed: CallFact, draw: CallFact) -> bool:
    """Whether nothing but a few lines that make what is drawn stand between a seed and a draw."""
    module = seed.module
    if draw.module is not module:
        return False
    between = module.source.text[module.span(seed.node).end : module.span(draw.node).start].splitlines()[1:-1]
    lines = [line.strip() for line in between if line.strip() and not line.strip().startswith("#")]
    return len(lines) <= _BETWEEN and all(_PREPARES.match(line) for line in lines)
