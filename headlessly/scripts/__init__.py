"""Short Python scripts that use the nouns, run in a sandbox, all or nothing.

``run = scripts.run("Lead.find({...})")`` returns the script's value, its events and its output.
"""

from headlessly.access import actors
from headlessly.scripts import proposals
from headlessly.scripts.failures import Busy, ScriptFailed
from headlessly.scripts.runner import Plan, perform
from headlessly.scripts.script_run import ScriptRun

__all__ = ["Busy", "ScriptFailed", "ScriptRun", "proposals", "run"]


def run(code: str, *, dry_run: bool = False) -> ScriptRun:
    """Run a script as the current actor in the active tenant.

    If the actor may only propose, it is stored as a proposal, unless it changes nothing. Raises ScriptFailed
    with the line and the inner error, BadRequest for text that is no script, Forbidden for a stranger, and
    Busy if too many scripts are running; then nothing was done.
    """
    if actors.current().role == actors.PROPOSER:
        return proposals.propose_instead(code, dry_run=dry_run)
    return perform(code, Plan(dry_run=dry_run))
