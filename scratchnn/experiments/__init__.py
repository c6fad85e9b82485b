"""One training run with all that it leaves behind."""
