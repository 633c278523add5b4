"""Marketing: the campaigns that leads come from."""

from typing import Any

NOUNS = ("Campaign",)


def __getattr__(name: str) -> Any:
    """Look a noun up late: importing this package must not need the app registry."""
    if name in NOUNS:
        from . import models

        return getattr(models, name)
    raise AttributeError(f"module 'marketing' has no attribute {name!r}")


__all__ = list(NOUNS)  # noqa: PLE0604
