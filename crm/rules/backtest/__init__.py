"""Tries rules on the past (:mod:`.trial`), with a module for each kind; :mod:`.panel` shows the result."""
