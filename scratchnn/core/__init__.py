"""What everything stands on: backends, threads, randomness, names, checks."""
