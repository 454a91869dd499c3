"""Erasing a person from the command line, and rewriting the files in which old bytes may still lie."""
