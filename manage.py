#!/usr/bin/env python
"""The command line. `serve` is production unless told otherwise; everything else is development."""

import os
import sys


def main():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "headlessly.settings")
    if sys.argv[1:2] == ["serve"]:
        # The one command that faces strangers starts from the safe side.
        os.environ.setdefault("HEADLESSLY_ENV", "production")

    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as refusal:
        # A refusal is addressed to the operator: what to set, without a traceback around it.
        sys.exit(str(refusal))


if __name__ == "__main__":
    main()
