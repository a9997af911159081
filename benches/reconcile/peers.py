#!/usr/bin/env python3
"""What reconciling is held against: DuckDB's full outer join of the same rows.

peers.py prepare FOLDER           evidence.rows and records.rows there become Parquet files
peers.py join FOLDER THREADS KEY  join them by a record's hash, 32 bytes, or by its place
peers.py measure OUT COMMAND...   run a command, its output to OUT

The last two print one JSON object: wall and CPU seconds, the greatest memory in MiB, and what came.
"""

import json
import os
import resource
import subprocess
import sys
import time

SIDES = ("evidence", "records")
KEYS = {"id": "e.id = r.id", "place": "e.medium = r.medium AND e.seq = r.seq"}
ROW = [("medium", "<u8"), ("seq", "<u8"), *((f"id{part}", ">u8") for part in range(4))]
ROW = [*ROW, ("amount", "<i8"), ("spare", "V8")]
COPY = """
COPY (SELECT medium, seq, unhex(printf('%016x%016x%016x%016x', id0, id1, id2, id3)) AS id, amount
      FROM columns) TO '{path}' (FORMAT parquet)
"""
JOIN = """
SELECT count(*) FILTER (WHERE e.seq IS NOT NULL AND r.seq IS NOT NULL),
       count(*) FILTER (WHERE e.id <> r.id OR e.amount <> r.amount),
       count(*) FILTER (WHERE r.seq IS NULL),
       count(*) FILTER (WHERE e.seq IS NULL)
FROM '{folder}/evidence.parquet' AS e FULL OUTER JOIN '{folder}/records.parquet' AS r ON {key}
"""


def prepare(folder):
    import duckdb
    import numpy

    form = numpy.dtype(ROW)
    for side in SIDES:
        rows = numpy.memmap(f"{folder}/{side}.rows", dtype=form, mode="r")
        names = [name for name, _ in ROW if name != "spare"]
        columns = {name: rows[name].astype(rows[name].dtype.newbyteorder("=")) for name in names}
        connection = duckdb.connect()
        connection.register("columns", columns)
        connection.execute(COPY.format(path=f"{folder}/{side}.parquet"))


def join(folder, threads, key):
    import duckdb

    connection = duckdb.connect(config={"threads": int(threads)})
    connection.execute("SELECT 1").fetchall()
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    found = connection.execute(JOIN.format(folder=folder, key=KEYS[key])).fetchone()
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    tell(wall, cpu, after, found=found, version=duckdb.__version__)


def measure(out, *command):
    start = time.perf_counter()
    with open(out, "wb") as sink:
        child = subprocess.Popen(command, stdout=sink)
        _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - start
    tell(wall, usage.ru_utime + usage.ru_stime, usage, exit=os.waitstatus_to_exitcode(status))


def tell(wall, cpu, usage, **more):
    print(json.dumps({"wall": wall, "cpu": cpu, "peak": usage.ru_maxrss / 1024, **more}))


if __name__ == "__main__":
    {"prepare": prepare, "join": join, "measure": measure}[sys.argv[1]](*sys.argv[2:])
