"""The log: append, read, and what readers see. I/O; contracts/envelope.py has the rules of its bytes."""
