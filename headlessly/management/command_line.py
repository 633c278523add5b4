"""The server's command line: ``manage.py`` in a checkout, ``headlessly-server`` where it is installed.

``serve`` is production unless told otherwise; everything else is development.
"""

from __future__ import annotations

import os
import sys

from headlessly.background.garbage import look_seldom


def main() -> None:
    """Run the command that the arguments name. Ends the process on a refusal, with its sentence."""
    look_seldom()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "headlessly.settings")
    # The one command that faces strangers starts from the safe side.
    serving = sys.argv[1:2] == ["serve"] and not {"-h", "--help"} & {*sys.argv}
    os.environ.setdefault("HEADLESSLY_ENV", "production" if serving else "development")

    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as refusal:
        # A refusal is addressed to the operator: what to set, without a traceback around it.
        sys.exit(str(refusal))
    except KeyboardInterrupt:
        sys.exit(130)
