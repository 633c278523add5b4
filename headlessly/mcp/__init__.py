"""MCP at ``/~{tenant}/mcp``: what an agent reads and does, by three tools over the same nouns and verbs.

:mod:`.endpoint` is the door, REST's own; :mod:`.transport` speaks the protocol, by the official SDK;
:mod:`.tools` is what is said. :mod:`.bridge` runs on the agent's machine and needs no Django, so nothing
is imported here.
"""
