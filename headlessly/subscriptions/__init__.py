"""Subscriptions: a saved view as a source of events, for people, webhooks and whoever reads the log.

Of a view that somebody follows, or that is watched for other systems, the tenant keeps which records are in
it (:mod:`.models`). A job reads the log on from where it was, asks the view of the records that were touched
and of those that refer to them, and writes who came and who went, the events ``View.Entered`` and
``View.Left`` and the notifications, in one transaction (:mod:`.members`, :mod:`.from_log`). What no event
tells, that a record has not been touched for 30 days, the clock finds (:mod:`.from_clock`). No request does
any of this.
"""
