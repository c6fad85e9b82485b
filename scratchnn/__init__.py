"""scratchnn."""
