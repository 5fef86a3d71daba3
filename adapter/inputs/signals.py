"""An end by a signal as an end by an exception, so that what is temporary is removed."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""The signals that would end the process at once; an interrupt is an exception already."""


@contextmanager
def unwinding() -> Iterator[None]:
    """While this lasts, such a signal ends the process by SystemExit (128 + its number).

    Where somebody else handles the signal, and outside the main thread, nothing is changed.
    """
    owner = os.getpid()

    def end(number: int, _: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        if os.getpid() != owner:
            # A worker that was forked meanwhile has nothing to remove.
            os.kill(os.getpid(), number)
        raise SystemExit(128 + number)

    mine = [each for each in ENDING if _is_default(each)]
    for each in mine:
        signal.signal(each, end)
    try:
        yield
    finally:
        for each in mine:
            signal.signal(each, signal.SIG_DFL)


@contextmanager
def undisturbed() -> Iterator[None]:
    """While this lasts, which is for moments, signals that would end the process do nothing."""
    # A mask would not do: what another thread takes is still handled by the main one.
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, *ENDING) if _in_main()}
    for each in before:
        signal.signal(each, signal.SIG_IGN)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _is_default(number: int) -> bool:
    return _in_main() and signal.getsignal(number) is signal.SIG_DFL


def _in_main() -> bool:
    return threading.current_thread() is threading.main_thread()
