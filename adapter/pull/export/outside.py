"""What an export by patients leaves out, as it is nobody's: asked for by id (pull.md S11).

A Medication is in no patient's compartment. Without it an administration that refers to it names no
drug, and the patient is silently lost to the study.
http://hl7.org/fhir/R4/compartmentdefinition-patient.html
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from adapter.config import SiteSettings
from adapter.errors import Unreachable
from adapter.pull.crawl import capability, references, servers
from adapter.pull.crawl.hydrate import Hydration
from adapter.pull.crawl.search import Searcher
from adapter.pull.crawl.servers import Server
from adapter.pull.crawl.taken import Gathered, Taker
from adapter.pull.export.kickoff import NOBODYS
from adapter.pull.landing.run_folder import Landing
from adapter.pull.transport.client import Client

_KEY = "references"


@dataclass(slots=True)
class Referred:
    """What the rows of a run's exports refer to, of types that are nobody's.

    elements: resource type -> elements with references. base: of the server. wanted, held: what is
    referred to and what came, as `Type/id`; they are real ids, and stay in the run's private state.
    """

    elements: Mapping[str, tuple[str, ...]]
    base: str
    wanted: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)

    def note(self, resource: Mapping[str, Any]) -> None:
        """Take a row into account."""
        name = resource["resourceType"]
        if name in NOBODYS:
            self.held.add(f"{name}/{resource['id']}")
        for each in references.targets(resource, self.elements.get(name, ()), self.base):
            if each and each.partition("/")[0] in NOBODYS:
                self.wanted.add(each)

    def concerned(self, resource_type: str, rows: bytes) -> bool:
        """Whether any of these rows may have to be noted."""
        return resource_type in NOBODYS or any(name.encode() in rows for name in NOBODYS)

    def remember(self, landing: Landing) -> None:
        """Leave it to whoever saves the state next: who commits the rows."""
        kept = {"wanted": sorted(self.wanted), "held": sorted(self.held)}
        landing.state.search[_KEY] = kept


def referred(client: Client, landing: Landing, site: SiteSettings) -> Referred:
    """As an earlier process of the run left it, else nothing yet. Raises DefinitionError."""
    profile = servers.profile(capability.Capability(), site.server)
    kept = landing.state.search.get(_KEY, {})
    held, wanted = set(kept.get("held", ())), set(kept.get("wanted", ()))
    return Referred(profile.references, client.base, wanted, held)


async def fetch(
    client: Client, landing: Landing, site: SiteSettings, found: Referred, types: Set[str]
) -> dict[str, str]:
    """Fetch what is referred to and did not come, of these types; type -> why it is not whole.

    Raises LandingError.
    """
    wanted = {each for each in found.wanted if each.partition("/")[0] in types}
    gathered = Gathered(held=found.held, wanted=wanted)
    if wanted <= found.held:
        return {}
    try:
        stated, _ = await capability.read(client)
        server = Server(stated, servers.profile(stated, site.server))
        hydration = Hydration(Taker(Searcher(client), landing, server), NOBODYS)
        for name, ids in hydration.missing(gathered, frozenset()).items():
            await hydration.fetch(name, ids, _KEY, gathered)
    except Unreachable as error:
        why = f"not all that others refer to is here: {error.what}"
        return dict.fromkeys({each.partition("/")[0] for each in wanted}, why)
    hydration.say_dangling()
    return {}
