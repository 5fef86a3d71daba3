"""One contestant in a process of its own: `python -m benchmarks.child NAME FILE...`.

Its standard output is one JSON object a line: `ready` after the imports, `done` when it has its
answer, `checked` with the answer's tally, or `missing` with the reason why it cannot run. What a
contestant prints itself goes to standard error. Only the standard library, like `facts`.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path
from typing import TextIO

from benchmarks.contestants import BY_NAME, NotHere
from benchmarks.facts import Tally


def main() -> None:
    """Run the contestant named by the first argument on the files named by the others."""
    said = _own_output()
    contestant = BY_NAME[sys.argv[1]]
    try:
        run = contestant.prepare()
    except NotHere as error:
        _say(said, "missing", reason=str(error))
        return
    _say(said, "ready", cpu=_cpu_seconds())
    answer = run([Path(name) for name in sys.argv[2:]])
    _say(said, "done", cpu=_cpu_seconds(), peak=_largest_process())
    tally = None
    if answer.rows is not None:
        tally = Tally(answer.hashed_patients).add(answer.rows).result()
    _say(said, "checked", tally=tally)


def _own_output() -> TextIO:
    """The standard output for our lines; all other output is led to standard error."""
    said = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return said


def _say(said: TextIO, event: str, **values: object) -> None:
    print(json.dumps({"event": event, **values}), file=said, flush=True)


def _cpu_seconds() -> float:
    """User and system time of this process and of those it has waited for, from their start."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _largest_process() -> int:
    """Bytes of the greatest resident set that one process of ours has had."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    unit = 1 if sys.platform == "darwin" else 1024
    return max(usage.ru_maxrss for usage in usages) * unit


if __name__ == "__main__":
    main()
