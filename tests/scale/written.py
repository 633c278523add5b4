"""Measures what a piece of work writes, from the write-ahead log (pg_walinspect)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import connection

#: Index entries in a section of the log, by index. A page split counts as one too.
ENTRIES = """
SELECT c.relname, count(*)
FROM pg_get_wal_block_info(%(begin)s, %(end)s) AS b
JOIN pg_class AS c ON pg_relation_filenode(c.oid) = b.relfilenode
WHERE b.reldatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND b.resource_manager = 'Btree' AND b.block_id = 0
  AND (b.record_type LIKE 'INSERT%%' OR b.record_type LIKE 'SPLIT%%')
GROUP BY 1 ORDER BY 1"""
#: Bytes of the product's tables and indexes, without those of vacuum and analyze.
BYTES = """
SELECT coalesce(sum(size), 0)::bigint
FROM (
    SELECT max(record_length) - sum(block_fpi_length) AS size
    FROM pg_get_wal_block_info(%(begin)s, %(end)s) AS b
    JOIN pg_class AS c ON pg_relation_filenode(c.oid) = b.relfilenode
    WHERE reldatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND c.relnamespace = 'public'::regnamespace
      AND b.record_type !~ 'PRUNE|VACUUM|FREEZE|VISIBLE|DEDUP|CLEANUP|DELETE_LIST'
    GROUP BY start_lsn
) AS records"""


@dataclass
class Written:
    """What one repetition writes on average."""

    #: Changes to pages of this database, without full pages that are written after a checkpoint.
    bytes: float
    entries: dict[str, float]  #: of B-tree indexes, by index

    @property
    def total(self) -> float:
        return sum(self.entries.values())


def measure_writing(work: Callable[[int], Any], times: int = 5) -> Written:
    """Returns what `work` writes on average. Nothing else may write to this database meanwhile."""
    settings = connection.settings_dict
    at = {"host": settings["HOST"], "dbname": settings["NAME"], "user": "postgres"}
    with psycopg.connect(**at, autocommit=True) as asked:
        asked.execute("SET synchronous_commit = on")  # what is read must be in the file
        asked.execute("CREATE EXTENSION IF NOT EXISTS pg_walinspect")

        def place() -> str:
            return asked.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone()[0]

        begin = place()
        for number in range(times):
            work(number)
        end = place()
        # Everything before it is readable then.
        asked.execute("SELECT pg_logical_emit_message(true, 'test', 'x')")
        given = {"begin": begin, "end": end}
        entries: Counter[str] = Counter(dict(asked.execute(ENTRIES, given).fetchall()))
        (size,) = asked.execute(BYTES, given).fetchone()
    return Written(size / times, {name: count / times for name, count in entries.items()})
