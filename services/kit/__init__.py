"""Only what two services need."""
