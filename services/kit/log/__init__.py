"""The log: append, read, and what readers see. I/O against PostgreSQL; the rules of its bytes are in contracts/envelope.py."""
