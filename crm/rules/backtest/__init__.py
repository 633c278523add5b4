"""Rules tried on the past (:mod:`.trial`), by a module for each kind; :mod:`.panel` shows the answer."""
