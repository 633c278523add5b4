"""Webhooks: events sent to other systems after the commit.

The log is the outbox: a transaction writes nothing for its webhooks. Instead, each webhook has a position in
the log, from which a job (:mod:`.outbox`) reads on and creates a delivery of every event that it wants.
Another job (:mod:`.deliveries`) sends what is due, in order per record, and retries what failed.
"""
