"""A simulated month of a desk with many clients: the script of what happens, pure, and its player over the HTTP API."""
