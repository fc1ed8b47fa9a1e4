"""Fixtures for all tests."""

import pytest
from fakes import fake_rules

__all__ = ["fake_rules"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="write the expected outputs instead of comparing them")
