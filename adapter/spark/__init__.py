"""The same line on Spark: scan and map, load, derive and add as the local engine has them.

Spark moves work, not resources: what its workers get are names of files and ranges of bytes, what
they hand on are packed Arrow tables. Each rule is the local engine's own function.

session: where Spark is; splits: scan and map; merge: load, bucket by bucket; ingest: both as one
run, earlier: with what the runs before left aside; folder: the store, a folder of Parquet files;
register: its sites and runs; tables, scratch: rows between Parquet and the stores in which workers
load and read; cohort, evaluate: derive and add.
"""
