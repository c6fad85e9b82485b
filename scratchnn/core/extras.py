"""Packages that not every installation has: extras of scratchnn bring them, and one error says which extra."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec


@contextmanager
def extra(name: str, what: str) -> Iterator[None]:
    """Around imports of packages that the extra `name` brings, and `what` needs.

    Raises:
        ImportError: where one is missing, naming the package and the extra.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = str(error.name)
        if package.split(".")[0].startswith("scratchnn"):  # no extra brings what is missing of our own
            raise
        raise ImportError(
            f'{what} needs the package {package}, which is not installed: pip install "scratchnn[{name}]"', name=package
        ) from None


def require_extra(name: str, what: str, *packages: str) -> None:
    """Raise the same error now for what will be needed at the end of long work, without importing it."""
    with extra(name, what):
        for package in packages:
            if find_spec(package) is None:
                raise ModuleNotFoundError(name=package)
