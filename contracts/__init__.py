"""Daybook's published language: commands, events and their folds. Imports pydantic and the standard library alone."""
