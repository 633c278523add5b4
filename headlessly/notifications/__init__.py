"""Notifications, in the browser and by email.

Their source is the log: a job (:mod:`.from_log`) reads on from its last position and notifies whoever was
given a record, was mentioned, or follows a record. The clock (:mod:`.from_clock`) notifies of due
reminders. Anything that is no event of a record, such as a finished import, is told by the code that knows
of it (:func:`.telling.tell`). Nobody is notified before the commit, of what they did themselves, or of a
record that they may not see.
"""
