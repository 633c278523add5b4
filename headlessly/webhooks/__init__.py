"""Webhooks: what happened, told to the outside, after the commit.

The log is the outbox. A transaction writes nothing for its webhooks; each webhook has a place in the log
instead, and a job (:mod:`.outbox`) reads on from there and makes a delivery of every event that it wants.
Another job (:mod:`.deliveries`) sends what is due, in order per record, and tries again what failed.
"""
