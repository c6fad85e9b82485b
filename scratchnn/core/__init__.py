"""What everything else uses: backends, threads, randomness, names, checks, and the files on the disk."""
