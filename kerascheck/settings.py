"""Settings: the table `[tool.kerascheck]` of a pyproject.toml, and which codes a selection means.

Nothing here opens a file. Errors are one line that names the file and the key.
"""

from __future__ import annotations

import difflib
import fnmatch
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kerascheck.semantic.target import BACKENDS

PerFile = tuple[tuple[str, tuple[str, ...]], ...]
_FAMILY = re.compile(r"KC\d{0,3}")


class SettingsError(ValueError):
    """A setting that cannot be used; the text is one line that names the file and the key."""


@dataclass(frozen=True)
class ConfirmSettings:
    """What `[tool.kerascheck.confirm]` says; None where it says nothing."""

    python: str | None = None
    backend: str | None = None
    import_seconds: float | None = None
    experiment_seconds: float | None = None
    memory: int | None = None
    models: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """What `[tool.kerascheck]` says. Patterns are relative to `folder`, where the file lies."""

    folder: str = ""
    select: tuple[str, ...] = ("KC",)
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    per_file_ignores: PerFile = ()
    exclude: tuple[str, ...] | None = None
    extend_exclude: tuple[str, ...] = ()
    target_keras: str | None = None
    target_serve: str | None = None
    backend: str | None = None
    unsafe_fixes: bool = False
    confirm: ConfirmSettings = field(default_factory=ConfirmSettings)

    def codes_for(self, path: str, known: Mapping[str, str]) -> frozenset[str]:
        """The codes that count for a file; `path` uses slashes and is relative to `folder`, or absolute outside it."""
        chosen = resolve((*self.select, *self.extend_select), self.ignore, known)
        for pattern, codes in self.per_file_ignores:
            if matches(path, pattern):
                chosen -= resolve(codes, (), known, tool_codes=False)
        return chosen


def from_toml(text: str, where: str, known: Mapping[str, str], folder: str = "") -> Settings | None:
    """The settings in the text of a pyproject.toml; None when it has no `[tool.kerascheck]`.

    `where` names the file in errors, `known` maps every code to its name. Raises SettingsError.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{where}: cannot be read as TOML: {error}") from error
    tool = data.get("tool")
    if not isinstance(tool, dict) or "kerascheck" not in tool:
        return None
    table = tool["kerascheck"]
    if not isinstance(table, dict):
        raise SettingsError(f"{where}: `tool.kerascheck` must be a table, not {_kind(table)}")
    return _Reader(where, known).settings(table, folder)


def check_selectors(selectors: Iterable[str], where: str, known: Mapping[str, str]) -> tuple[str, ...]:
    """Codes, families such as `KC1` and names, as codes and families. Raises SettingsError that names `where`."""
    return tuple(_selector(selector, where, known) for selector in selectors)


def check_per_file(pairs: Iterable[str], where: str, known: Mapping[str, str]) -> PerFile:
    """`PATTERN:CODE` pairs, as flake8 writes them. Raises SettingsError that names `where`."""
    found: dict[str, list[str]] = {}
    for pair in pairs:
        pattern, colon, code = pair.rpartition(":")
        if not colon or not pattern.strip() or not code.strip():
            raise SettingsError(f"{where}: `{pair}` is not PATTERN:CODE, such as `tests/*:KC402`")
        found.setdefault(pattern.strip(), []).append(_selector(code.strip(), where, known))
    return tuple((pattern, tuple(codes)) for pattern, codes in found.items())


def is_model_name(text: str) -> bool:
    """Whether a text is `package.module:callable`."""
    module, colon, name = text.partition(":")
    return bool(colon) and all(part.isidentifier() for part in (*module.split("."), *name.split(".")))


def resolve(
    select: Sequence[str], ignore: Sequence[str], known: Mapping[str, str], *, tool_codes: bool = True
) -> frozenset[str]:
    """The codes that a selection means: the longest family that matches wins, ignoring wins a tie.

    KC000 and KC002, a file that could not be looked at, stay on unless they are ignored themselves.
    """
    chosen = set()
    for code in known:
        wanted = _longest(code, select)
        if tool_codes and code in ("KC000", "KC002"):
            wanted = max(wanted, len("KC"))
        if wanted > _longest(code, ignore):
            chosen.add(code)
    return frozenset(chosen)


def matches(path: str, pattern: str) -> bool:
    """Whether a pattern means a path: its name, a folder it lies in, or the whole path; `**` spans folders."""
    pattern = pattern.removeprefix("./").rstrip("/")
    if "/" not in pattern:
        return any(fnmatch.fnmatchcase(part, pattern) for part in path.split("/"))
    parts = path.split("/")
    heads = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    try:
        expression = re.compile(_translated(pattern))
    except re.error:  # such as `[z-a]`: no pattern, so a name
        return pattern in heads
    return any(expression.fullmatch(head) for head in heads)


def _translated(pattern: str) -> str:
    """A pattern with folders as an expression: `*` stays within one folder, `**/` is any number of folders."""
    pieces = []
    for token in re.findall(r"\*\*/|\*\*|\*|\?|\[!?[^\]]+\]|.", pattern.lstrip("/"), re.DOTALL):
        if token == "**/":
            pieces.append("(?:.*/)?")
        elif token == "**":
            pieces.append(".*")
        elif token == "*":
            pieces.append("[^/]*")
        elif token == "?":
            pieces.append("[^/]")
        elif len(token) > 1:
            pieces.append("[^" + token[2:] if token.startswith("[!") else token)
        else:
            pieces.append(re.escape(token))
    return "".join(pieces)


def _longest(code: str, families: Iterable[str]) -> int:
    return max((len(family) for family in families if code.startswith(family)), default=0)


def _selector(value: str, where: str, known: Mapping[str, str]) -> str:
    """One selector as a code or a family of codes."""
    text = value.strip()
    upper = text.upper()
    if _FAMILY.fullmatch(upper) and any(code.startswith(upper) for code in known):
        return upper
    name = text.lower().replace("_", "-")
    for code, known_name in known.items():
        if name == known_name:
            return code
    raise SettingsError(f"{where}: no rule is called `{value}`{_did_you_mean(text, [*known, *known.values()])}")


def _did_you_mean(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, 1, 0.6) or difflib.get_close_matches(word.upper(), known, 1, 0.6)
    return f"; did you mean `{near[0]}`?" if near else ""


def _kind(value: object) -> str:
    """A TOML value's kind in words."""
    if isinstance(value, bool):
        return "a boolean"
    kinds = {str: "a string", int: "a number", float: "a number", list: "an array", dict: "a table"}
    return kinds.get(type(value), "a date")


class _Reader:
    """Reads one table; every error names the file and the key."""

    def __init__(self, where: str, known: Mapping[str, str]) -> None:
        self.where = where
        self.known = known

    def settings(self, table: Mapping[str, Any], folder: str) -> Settings:
        for key in table:
            if key not in _KEYS:
                raise SettingsError(f"{self.where}: unknown key `tool.kerascheck.{key}`{_did_you_mean(key, _KEYS)}")
        default = Settings()
        keras, serve = self.target(table.get("target-keras"))
        return Settings(
            folder=folder,
            select=self.codes(table, "select") if "select" in table else default.select,
            extend_select=self.codes(table, "extend-select"),
            ignore=self.codes(table, "ignore"),
            per_file_ignores=self.per_file(table),
            exclude=self.texts(table, "exclude") if "exclude" in table else None,
            extend_exclude=self.texts(table, "extend-exclude"),
            target_keras=keras,
            target_serve=serve,
            backend=self.backend(table, "backend"),
            unsafe_fixes=self.boolean(table, "unsafe-fixes"),
            confirm=self.confirm(table.get("confirm", {})),
        )

    def confirm(self, table: object) -> ConfirmSettings:
        if not isinstance(table, dict):
            raise self.error("confirm", f"must be a table, not {_kind(table)}")
        for key in table:
            if key not in _CONFIRM_KEYS:
                known = _did_you_mean(key, _CONFIRM_KEYS)
                raise SettingsError(f"{self.where}: unknown key `tool.kerascheck.confirm.{key}`{known}")
        inner = {f"confirm.{key}": value for key, value in table.items()}
        memory = self.number(inner, "confirm.memory")
        models = self.texts(inner, "confirm.models")
        for name in models:
            if not is_model_name(name):
                raise self.error("confirm.models", f"holds `{name}`; it takes MODULE:CALLABLE, as `pkg.models:build`")
        return ConfirmSettings(
            python=self.text(inner, "confirm.python"),
            backend=self.backend(inner, "confirm.backend"),
            import_seconds=self.number(inner, "confirm.import-seconds"),
            experiment_seconds=self.number(inner, "confirm.experiment-seconds"),
            memory=None if memory is None else max(1, int(memory)),
            models=models,
        )

    def backend(self, table: Mapping[str, Any], key: str) -> str | None:
        value = self.text(table, key)
        if value is not None and value not in BACKENDS:
            raise self.error(key, f"must be one of {', '.join(BACKENDS)}, not `{value}`")
        return value

    def number(self, table: Mapping[str, Any], key: str) -> float | None:
        value = table.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.error(key, f"must be a number, not {_kind(value)}")
        if not 0 < value < 1e9:
            raise self.error(key, f"must be above 0, not {value}")
        return float(value)

    def error(self, key: str, problem: str) -> SettingsError:
        return SettingsError(f"{self.where}: `tool.kerascheck.{key}` {problem}")

    def text(self, table: Mapping[str, Any], key: str) -> str | None:
        value = table.get(key)
        if value is not None and not isinstance(value, str):
            raise self.error(key, f"must be a string, not {_kind(value)}")
        return value

    def boolean(self, table: Mapping[str, Any], key: str) -> bool:
        value = table.get(key, False)
        if not isinstance(value, bool):
            raise self.error(key, f"must be true or false, not {_kind(value)}")
        return value

    def texts(self, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
        value = table.get(key, [])
        if not isinstance(value, list):
            raise self.error(key, f"must be an array of strings, not {_kind(value)}")
        for item in value:
            if not isinstance(item, str):
                raise self.error(key, f"must be an array of strings; it holds {_kind(item)}")
        return tuple(value)

    def codes(self, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
        return check_selectors(self.texts(table, key), f"{self.where}: `tool.kerascheck.{key}`", self.known)

    def per_file(self, table: Mapping[str, Any]) -> PerFile:
        value = table.get("per-file-ignores", {})
        if not isinstance(value, dict):
            raise self.error("per-file-ignores", f"must be a table of patterns and arrays of codes, not {_kind(value)}")
        return tuple((pattern, self.codes(value, pattern)) for pattern in value)

    def target(self, value: object) -> tuple[str | None, str | None]:
        """`target-keras`: one environment, or a table of `train` and `serve`."""
        if value is None or isinstance(value, str):
            return value, None
        if not isinstance(value, dict):
            raise self.error("target-keras", f'must be a string such as "3.13", not {_kind(value)}')
        for key, item in value.items():
            if key not in ("train", "serve"):
                raise self.error("target-keras", f"takes `train` and `serve`, not `{key}`")
            if not isinstance(item, str):
                raise self.error(f"target-keras.{key}", f'must be a string such as "3.13", not {_kind(item)}')
        return value.get("train"), value.get("serve")


_CONFIRM_KEYS = ("python", "backend", "import-seconds", "experiment-seconds", "memory", "models")
_KEYS = (
    "select",
    "extend-select",
    "ignore",
    "per-file-ignores",
    "exclude",
    "extend-exclude",
    "target-keras",
    "backend",
    "unsafe-fixes",
    "confirm",
)
