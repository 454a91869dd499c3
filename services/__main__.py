"""`python -m services` is the command `daybook`. A service's process passes the command line by, to start fast."""

import sys

from services.cli.processes import SERVICES, serve

if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", name] if name in SERVICES:
            serve(name)
        case _:
            from services.cli.app import run

            run()
