"""Where this program may keep files of its own on a user's machine."""

import os
from pathlib import Path


def folder() -> Path | None:
    """`$SCRATCHNN_CACHE`, else the user's cache folder for this program, or None where there is no home.

    The folder need not exist yet.
    """
    chosen = os.environ.get("SCRATCHNN_CACHE")
    if chosen:
        return Path(chosen).absolute()
    import platformdirs

    try:
        path = Path(platformdirs.user_cache_dir("scratchnn"))
    except RuntimeError:  # how newer versions say that there is no home
        return None
    # Older ones leave "~" as it is, and it would become a folder of that name right here.
    return path if path.is_absolute() else None
