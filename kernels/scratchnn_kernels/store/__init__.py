"""Compiled code in files: private, verified before it is used, and dropped after a crash."""
