"""The rules of kerascheck, found by walking the package `kerascheck.rules`."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

import kerascheck.rules
from kerascheck.rule import Rule


@cache
def all_rules() -> tuple[type[Rule], ...]:
    """Every rule class, in the order of their codes. Raises ValueError when two have one code."""
    found: dict[str, type[Rule]] = {}
    for info in pkgutil.iter_modules(kerascheck.rules.__path__):
        module = importlib.import_module(f"kerascheck.rules.{info.name}")
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Rule) and value.__module__ == module.__name__:
                if value.code in found:
                    raise ValueError(f"{value.code} is both {found[value.code].__name__} and {value.__name__}")
                found[value.code] = value
    return tuple(found[code] for code in sorted(found))
