"""Taking back a request of any size: a small one at once, a large one in the background.

What is taken back, by whom and how is :mod:`headlessly.execution.undo`'s; here is when: :mod:`.asking`
decides, :mod:`.undo_job` does the large ones, part by part, so that nothing waits for them and no process
holds them whole.
"""
