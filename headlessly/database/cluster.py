"""Which PostgreSQL cluster this is: its numbers of transactions are its own."""

#: Instead of a cluster: nobody writes to the log of this tenant, which goes on in another database.
CLOSED = "closed"
#: An expression for the cluster at hand: the number that it was made with, and its timeline, a new one from
#: each promotion and each recovery to a moment. PostgreSQL refuses it on a standby.
CLUSTER = (
    "((pg_control_system()).system_identifier::text || '/'"
    " || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))"
)
