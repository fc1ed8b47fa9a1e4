"""Fixtures for all tests."""

from fakes import fake_rules

__all__ = ["fake_rules"]
