"""What everything stands on: backends, threads, randomness, names, checks, and the files on the disk."""
