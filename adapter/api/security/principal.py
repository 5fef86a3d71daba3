"""Who asks, and the dependency that lets a route be asked.

who: Annotated[Principal, Depends(permitted("MeasureReport", "r"))]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from fastapi import Request

from adapter.api.fhir.failures import FhirFailure
from adapter.api.security.scopes import EVERYTHING, allows
from adapter.server_settings import Policy

Interaction = Literal["c", "r", "u", "d", "s"]
REALM = 'Bearer realm="raiway"'


@dataclass(frozen=True, slots=True)
class Principal:
    """A client, a person, or whoever asks an open server.

    Attributes:
        id: the client's id or the person's login name, as the audit shows it.
        scopes: `system/Type.cruds` of clients, `user/Type.cruds` of people.
        policy: what the summary reports that it gets may state.
        patient_level: may it have subject lists and individual reports?
    """

    id: str
    kind: Literal["client", "user", "anonymous"]
    scopes: tuple[str, ...]
    policy: Policy
    patient_level: bool

    def may(self, resource_type: str, interaction: Interaction) -> bool:
        """Do its scopes allow this interaction? resource_type '*' asks for all types at once."""
        return allows(self.scopes, resource_type, interaction)

    def demand(self, resource_type: str, interaction: Interaction) -> None:
        """For what only a request's body tells, such as a batch's entries. Raises FhirFailure 403
        where the interaction is not allowed."""
        if not self.may(resource_type, interaction):
            raise forbidden(resource_type, interaction)


def anonymous(policy: Policy) -> Principal:
    """Whoever asks a server without authentication, which listens on loopback only."""
    return Principal("anonymous", "anonymous", (EVERYTHING,), policy, patient_level=True)


def permitted(resource_type: str, interaction: Interaction) -> Callable[[Request], Principal]:
    """A dependency that returns who asks.

    It raises FhirFailure 401 (with WWW-Authenticate) where nobody is known or a token does not
    hold, and 403 where the scopes do not allow the interaction.
    """

    def admitted(request: Request) -> Principal:
        from adapter.api.security.admission import admission_of

        # First of all, since the audit also shows who was not let in.
        request.state.interaction = (resource_type, interaction)
        who = admission_of(request).principal(request)
        who.demand(resource_type, interaction)
        return who

    return admitted


def unauthorised(text: str, error: str = "") -> FhirFailure:
    """401. error: RFC 6750 3.1, '' where no token was sent."""
    challenge = f'{REALM}, error="{error}"' if error else REALM
    return FhirFailure(401, "login", text, headers={"WWW-Authenticate": challenge})


def forbidden(resource_type: str, interaction: str) -> FhirFailure:
    """403: the scope that would have been needed is named."""
    scope = f"system/{resource_type}.{interaction}"
    challenge = f'{REALM}, error="insufficient_scope", scope="{scope}"'
    text = f"the scope {scope} is needed"
    return FhirFailure(403, "forbidden", text, headers={"WWW-Authenticate": challenge})
