"""The command line: one file a command group, listed in app.py."""
