"""Labelled texts of the user's own: read from files, split, audited, and encoded with a vocabulary of their own."""
