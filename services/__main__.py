"""`python -m services` is the command `daybook`."""

from services.cli.app import run

if __name__ == "__main__":
    run()
