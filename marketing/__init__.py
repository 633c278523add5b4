"""Marketing: the campaigns that leads come from."""

from typing import Any


def __getattr__(name: str) -> Any:
    """Look nouns up lazily: importing this package must not need the app registry."""
    if name == "__all__" or name[:1].isupper():
        from marketing import models

        return getattr(models, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
