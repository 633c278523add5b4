"""A request taken back, whatever its size: a small one at once, a large one in the background.

:mod:`.plan` reads from the log what a request did and finds out what of it can be taken back, :mod:`.steps`
does that by verbs, :mod:`.at_once` in one transaction. Surfaces ask :mod:`.undos`, which leaves a large one
to :mod:`.undo_job`: that goes over its :mod:`.records` :mod:`.part` by part, so that nothing waits for it and
no process holds it whole.
"""
