"""MCP at ``/~{tenant}/mcp``: an agent reads and acts with three tools on the same nouns and verbs.

:mod:`.endpoint` authenticates and limits like REST; :mod:`.transport` speaks the protocol with the official
SDK; :mod:`.tools` has the answers. :mod:`.bridge` runs on the agent's machine and needs no Django, so nothing
is imported here.
"""
