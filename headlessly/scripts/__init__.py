"""Short Python scripts against the nouns, run in a sandbox, all or nothing.

``run = scripts.run("Lead.find({...})")`` answers what came out, what it recorded and what it printed.
"""

from . import proposals
from .failures import Busy, ScriptFailed
from .run import Run, run

__all__ = ["Busy", "Run", "ScriptFailed", "proposals", "run"]
