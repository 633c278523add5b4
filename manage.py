#!/usr/bin/env python
"""The command line of a checkout; see headlessly/management/command_line.py."""

from headlessly.management.command_line import main

if __name__ == "__main__":
    main()
