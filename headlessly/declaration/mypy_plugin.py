"""A plugin that tells mypy what it cannot see in a noun's class.

Verbs give their noun attributes that no code declares (``converting``, ``converted``, ``converted_by``), a
hook's context has every noun by name, and the call of a verb accepts options beside its inputs. The plugin
declares these, so that mypy finds wrong names. It extends that of django-stubs; an app with its own nouns
uses it instead::

    plugins = ["headlessly.declaration.mypy_plugin"]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mypy.errorcodes import ATTR_DEFINED
from mypy.nodes import (
    ARG_NAMED_OPT,
    ARG_POS,
    CallExpr,
    ClassDef,
    Decorator,
    Expression,
    MypyFile,
    RefExpr,
    TypeInfo,
)
from mypy.plugin import (
    AttributeContext,
    ClassDefContext,
    FunctionContext,
    MethodSigContext,
    Plugin,
    ReportConfigContext,
)
from mypy.plugins.common import add_attribute_to_class
from mypy.types import (
    AnyType,
    CallableType,
    FunctionLike,
    Instance,
    NoneType,
    Type,
    TypeOfAny,
    TypeType,
    UnionType,
)
from mypy_django_plugin.main import NewSemanalDjangoPlugin

from headlessly.declaration.conjugation import conjugate
from headlessly.declaration.registry import registry

RECORD = "headlessly.declaration.record.Record"
CURRENCY = "headlessly.declaration.fields.Currency"
VERB = "headlessly.declaration.verbs.verb"
HOOK = "headlessly.declaration.hooks.Hook"
CALLS = ("headlessly.declaration.verbs.ClassCall", "headlessly.declaration.verbs.RecordCall")
CONTEXT = "headlessly.execution.hook_context.Context"
#: The modules from which hooks of an app import the context.
CONTEXT_MODULES = ("headlessly.execution.executor", "headlessly.execution.hook_context")
TRACKER = "headlessly.log.tracking.Tracker"
#: The columns of `headlessly.declaration.fields` that may be None unless declared otherwise.
EMPTY_UNLESS_REQUIRED = (
    "headlessly.declaration.fields._Optional",
    "headlessly.declaration.fields.Reference",
)
#: The key of a class's verbs in mypy's cache.
METADATA = "headlessly"


class HeadlesslyPlugin(NewSemanalDjangoPlugin):
    """Django's plugin, extended by the names of a noun's hooks, the nouns in a hook's context and a verb's
    inputs."""

    def get_base_class_hook(self, fullname: str) -> Callable[[ClassDefContext], None] | None:
        django = super().get_base_class_hook(fullname)
        if not self._is_a(fullname, RECORD):
            return django

        def both(ctx: ClassDefContext) -> None:
            if django:
                django(ctx)
            add_hooks(ctx)

        return both

    def get_function_hook(self, fullname: str) -> Callable[[FunctionContext], Type] | None:
        django = super().get_function_hook(fullname)
        if django and any(self._is_a(fullname, column) for column in EMPTY_UNLESS_REQUIRED):
            return lambda ctx: column_of_a_noun(ctx, django(ctx))
        return django

    def get_attribute_hook(self, fullname: str) -> Callable[[AttributeContext], Type] | None:
        owner, _, name = fullname.rpartition(".")
        if owner == CONTEXT:
            return lambda ctx: noun_in_a_hook(ctx, name)
        return super().get_attribute_hook(fullname)

    def get_method_signature_hook(
        self, fullname: str
    ) -> Callable[[MethodSigContext], FunctionLike] | None:
        owner, _, name = fullname.rpartition(".")
        if name == "__call__" and owner in CALLS:
            return call_of_a_verb
        return super().get_method_signature_hook(fullname)

    def get_additional_deps(self, file: MypyFile) -> list[tuple[int, str, int]]:
        """Returns the modules of all nouns, if an app's hooks may use one of them."""
        django = super().get_additional_deps(file)
        if file.fullname.partition(".")[0] == "headlessly" or not any(
            getattr(imported, "id", "") in CONTEXT_MODULES for imported in file.imports
        ):
            return django
        modules = {noun.__module__ for noun in registry.values()} - {file.fullname}
        return [*django, *((10, module, -1) for module in sorted(modules))]

    def report_config_data(self, ctx: ReportConfigContext) -> dict[str, Any]:
        """Invalidates the cache if there are other nouns."""
        nouns = sorted(f"{noun.__module__}.{name}" for name, noun in registry.items())
        return super().report_config_data(ctx) | {"nouns": nouns}

    def _is_a(self, fullname: str, base: str) -> bool:
        node = symbol.node if (symbol := self.lookup_fully_qualified(fullname)) else None
        return isinstance(node, TypeInfo) and node.has_base(base)


def add_hooks(ctx: ClassDefContext) -> None:
    """Add the hooks and the look-up by actor of each verb, inherited ones included, to a noun's class."""
    info = ctx.cls.info
    own = list(verbs_of(ctx.cls))
    info.metadata[METADATA] = {"verbs": own}
    inherited = [
        v for base in info.mro[1:] for v in base.metadata.get(METADATA, {}).get("verbs", ())
    ]
    hook = ctx.api.named_type_or_none(HOOK, [Instance(info, [])])
    anything = AnyType(TypeOfAny.explicit)
    by = CallableType(
        [anything], [ARG_POS], [None], anything, ctx.api.named_type("builtins.function")
    )
    for verb in dict.fromkeys([*inherited, *own]):
        words = conjugate(verb)
        for name, type in ((words.before, hook), (words.after, hook), (words.by, by)):
            # A column of the same name takes precedence: `created_by`.
            declared = info.get(name)
            if type is not None and (declared is None or declared.plugin_generated):
                add_attribute_to_class(
                    ctx.api, ctx.cls, name, type, is_classvar=True,
                    override_allow_incompatible=True, overwrite_existing=True,
                )  # fmt: skip


def verbs_of(cls: ClassDef) -> Iterator[str]:
    """Yields the names of the methods under ``@verb``."""
    for statement in cls.defs.body:
        if isinstance(statement, Decorator) and any(map(is_verb, statement.original_decorators)):
            yield statement.func.name


def is_verb(decorator: Expression) -> bool:
    named = decorator.callee if isinstance(decorator, CallExpr) else decorator
    return isinstance(named, RefExpr) and named.fullname == VERB


def column_of_a_noun(ctx: FunctionContext, column: Type) -> Type:
    """Returns the type of a column: may be None if it is neither required nor has a default, except a
    currency, which the tenant gives."""
    given = {name for names in ctx.arg_names for name in names}
    if not isinstance(column, Instance) or given & {"required", "default", "null"}:
        return column
    if column.type.fullname == CURRENCY:
        return column
    return column.copy_modified(
        args=[UnionType.make_union([type, NoneType()]) for type in column.args]
    )


def noun_in_a_hook(ctx: AttributeContext, name: str) -> Type:
    """Returns the class for ``ctx.Deal``; an error for the name of no noun."""
    if isinstance(ctx.type, Instance) and ctx.type.type.get(name):
        return ctx.default_attr_type
    if name != "Event" and name not in registry:
        ctx.api.fail(
            f'There is no noun "{name}". Nouns: {", ".join(registry)}',
            ctx.context,
            code=ATTR_DEFINED,
        )
        return ctx.default_attr_type
    fullname = TRACKER if name == "Event" else f"{registry[name].__module__}.{name}"
    info = class_called(ctx.api, fullname)
    return TypeType(Instance(info, [])) if info else ctx.default_attr_type


def call_of_a_verb(ctx: MethodSigContext) -> FunctionLike:
    """Returns the signature of a verb's call: inputs of any type, because a reference may be an id, and a
    moment text; and the options of every call."""
    signature = ctx.default_signature
    anything = AnyType(TypeOfAny.explicit)
    types = [
        type if kind.is_positional() else anything
        for type, kind in zip(signature.arg_types, signature.arg_kinds, strict=True)
    ]
    answer = signature.ret_type
    if isinstance(ctx.context, CallExpr) and "dry_run" in ctx.context.arg_names:
        answer = anything
    return signature.copy_modified(
        arg_types=[*types, anything, anything],
        arg_kinds=[*signature.arg_kinds, ARG_NAMED_OPT, ARG_NAMED_OPT],
        arg_names=[*signature.arg_names, "dry_run", "if_match"],
        ret_type=answer,
    )


def class_called(api: Any, fullname: str) -> TypeInfo | None:
    """Returns the class of this name, if mypy checks its module."""
    module, _, name = fullname.rpartition(".")
    tree = api.modules.get(module)
    symbol = tree.names.get(name) if tree else None
    return symbol.node if symbol and isinstance(symbol.node, TypeInfo) else None


def plugin(version: str) -> type[Plugin]:
    return HeadlesslyPlugin
