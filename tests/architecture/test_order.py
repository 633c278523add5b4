"""Hooks run in the order that the apps say, and by no accident of imports."""

from __future__ import annotations

from itertools import pairwise

from crm.apps import CrmConfig
from headlessly.declaration.registry import registry
from marketing.apps import MarketingConfig

MODULES = [*CrmConfig.declaring, *MarketingConfig.declaring]


def test_hooks_run_in_the_order_in_which_the_apps_name_their_modules() -> None:
    hooks = [
        hook
        for noun in registry.values()
        for verb in (*noun.verbs.values(), *noun.corrections.values())
        for hook in (verb.before, verb.after)
    ]
    functions = [[f for f in hook.functions() if _is_of_an_app(f.__module__)] for hook in hooks]
    assert sum(map(bool, functions)) > 20, "it looks at something"
    for hook, found in zip(hooks, functions, strict=True):
        for first, second in pairwise(found):
            assert MODULES.index(first.__module__) <= MODULES.index(second.__module__), hook


def _is_of_an_app(module: str) -> bool:
    return module.startswith(("crm.", "marketing."))
