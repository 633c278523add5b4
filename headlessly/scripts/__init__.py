"""Short Python scripts against the nouns, run in a sandbox, all or nothing.

``run = scripts.run("Lead.find({...})")`` answers what came out, what it recorded and what it printed.
"""

from headlessly.scripts import proposals
from headlessly.scripts.entry import run
from headlessly.scripts.failures import Busy, ScriptFailed
from headlessly.scripts.script_run import ScriptRun

__all__ = ["Busy", "ScriptFailed", "ScriptRun", "proposals", "run"]
