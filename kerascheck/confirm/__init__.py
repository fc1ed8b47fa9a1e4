"""Confirm mode: findings are proved or refuted by real round trips in a child process."""
