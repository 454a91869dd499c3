"""What every HTTP app shares: problems, limits on what comes in, and how an app of /api/v1 is built."""
