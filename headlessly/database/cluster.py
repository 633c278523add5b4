"""Identifies the PostgreSQL cluster, because each cluster numbers its own transactions."""

#: Instead of a cluster: the log of this tenant is closed, because it continues in another database.
CLOSED = "closed"
#: An expression for the current cluster: its system identifier and its timeline, which changes with each
#: promotion and each point-in-time recovery. PostgreSQL refuses it on a standby.
CLUSTER = (
    "((pg_control_system()).system_identifier::text || '/'"
    " || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))"
)
