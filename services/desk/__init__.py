"""The web face. Browsers enter, pages leave; data comes and goes through the public API, only sessions are its own."""
