"""Undo of a request: a small one at once, a large one in the background.

:mod:`.plan` reads from the log what a request did and determines what can be taken back. :mod:`.steps` takes
it back by verbs, :mod:`.at_once` in one transaction. Surfaces call :mod:`.undos`, which leaves a large
request to :mod:`.undo_job`. That handles its :mod:`.records` :mod:`.part` by part, so that nothing waits for
it and no process has to hold all of it.
"""
