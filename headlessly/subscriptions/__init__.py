"""Subscriptions: a saved view as a source of events, for people, webhooks and readers of the log.

If somebody follows a view, or it is watched for other systems, the tenant stores which records are in it
(:mod:`.models`). A job reads the log and checks the view for the records that were changed and those that
refer to them. In one transaction it writes which records came and went, the events ``View.Entered`` and
``View.Left``, and the notifications (:mod:`.members`, :mod:`.from_log`). Some changes have no event, such
as a record not being touched for 30 days: these are found by the clock (:mod:`.from_clock`). No request
does any of this.
"""
