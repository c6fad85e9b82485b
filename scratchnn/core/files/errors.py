"""What every reader of files raises."""


class StorageError(ValueError):
    """A file cannot be used. The message names the file, the member, and what to do."""
