"""Short Python scripts against the nouns, run in a sandbox, all or nothing.

``run = scripts.run("Lead.find({...})")`` answers what came out, what it recorded and what it printed.
"""

from headlessly.access import actors
from headlessly.scripts import proposals
from headlessly.scripts.failures import Busy, ScriptFailed
from headlessly.scripts.runner import Plan, perform
from headlessly.scripts.script_run import ScriptRun

__all__ = ["Busy", "ScriptFailed", "ScriptRun", "proposals", "run"]


def run(code: str, *, dry_run: bool = False) -> ScriptRun:
    """Run a script as the actor at hand, in the tenant at hand.

    What somebody may only propose is stored as a proposal, unless it changes nothing. Raises ScriptFailed
    with the line and the error inside, BadRequest for what is no script, Forbidden for a stranger, and Busy
    where too many are running; then nothing was done.
    """
    if actors.current().role == actors.PROPOSER:
        return proposals.propose_instead(code, dry_run=dry_run)
    return perform(code, Plan(dry_run=dry_run))
