"""Least scripts that pull a finished export: what a client library alone can do.

Run as `python -m benchmarks.pull_clients.NAME BASE FOLDER`. They keep no state, no manifest and no
hash, retry nothing and leave half a file where they are stopped.
"""
