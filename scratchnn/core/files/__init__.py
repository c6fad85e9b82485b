"""All that reaches the disk: whole or not at all, and verified when it is read."""
