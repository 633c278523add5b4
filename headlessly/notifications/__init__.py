"""Notifications: what somebody is told of, in the browser and by mail.

The log is their source: a job (:mod:`.from_log`) reads on from where it was and tells who was given a record,
who was mentioned, and who follows it; the clock (:mod:`.from_clock`) tells whose reminder is due. What is no
event of a record, an import that is done, is told by whoever knows of it (:func:`.telling.tell`). Nobody is
told before the commit, of what they did themselves, or of a record that they may not see.
"""
