"""REST at ``/~{tenant}/{plural}``: one generic viewset over the registry of nouns.

Reads go through :mod:`headlessly.query.reads`, writes through :mod:`headlessly.execution.executor`;
what is here knows HTTP and nothing of any noun.
"""
