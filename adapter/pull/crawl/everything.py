"""Patient/$everything: all types of one patient in one chain of pages.

http://hl7.org/fhir/R4/patient-operation-everything.html
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from adapter.pull.checks import Refused
from adapter.pull.crawl.pages import entries, stated_type
from adapter.pull.crawl.queries import Search
from adapter.pull.crawl.search import Expired
from adapter.pull.crawl.taken import RESTARTS, Gathered, Taken, Taker


async def fetch(
    taker: Taker, patients: Sequence[str], types: Sequence[str], key: str, gathered: Gathered
) -> None:
    """Commit what the operation gives of these types for the patients, a file for each type.

    Raises SearchFailed, Unreachable, LandingError; nothing is then committed.
    """
    for attempt in range(RESTARTS + 1):
        try:
            await _fetch(taker, patients, types, key, gathered)
            return
        except Expired as expired:
            if attempt == RESTARTS:
                raise
            taker.restarted("Patient", expired)


async def _fetch(
    taker: Taker, patients: Sequence[str], types: Sequence[str], key: str, gathered: Gathered
) -> None:
    whose = frozenset(patients)
    with ExitStack() as stack:
        taken = {
            name: Taken(taker, name, stack.enter_context(taker.part(name, key)), gathered, whose)
            for name in types
        }
        for patient in patients:
            await _chain(taker, patient, taken)
        for each in taken.values():
            if each.part:
                each.part.commit()


async def _chain(taker: Taker, patient: str, taken: dict[str, Taken]) -> None:
    # What is said of no type in particular is kept with one of them.
    first = next(iter(taken.values()))
    count = str(taker.server.profile.count)
    search = Search(
        "Patient",
        (("_type", ",".join(sorted(taken))), ("_count", count)),
        f"Patient/{patient}/$everything",
    )
    async for page in taker.searcher.pages(search):
        found = entries(page, None)
        first.say(found.outcomes)
        for each in found.matches:
            if isinstance(each, Refused):
                taken.get(stated_type(each.raw) or "", first).refuse(each)
            elif (of := taken.get(each.resource["resourceType"])) is not None:
                of.put(each)
