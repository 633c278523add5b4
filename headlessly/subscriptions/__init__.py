"""Subscriptions: a saved view as a source of events, for people, webhooks and whoever reads the log.

For a view that somebody follows, or that is watched for other systems, the tenant keeps which records are in
it (:mod:`.models`). A job reads on in the log and asks the view about the records that were touched and those
that refer to them. In one transaction it writes who came and who went, the events ``View.Entered`` and
``View.Left``, and the notifications (:mod:`.members`, :mod:`.from_log`). Some things have no event, such as
that a record was not touched for 30 days: the clock finds these (:mod:`.from_clock`). No request does any of
this.
"""
