"""How a kind of server is searched: mappings/server/*.toml, overridable by a site's own file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from adapter import artifacts, mapping_files
from adapter.errors import DefinitionError
from adapter.pull.crawl.capability import Capability

DEFAULT = "default"


class ServerProfile(BaseModel):
    """A file of mappings/server/, whose default.toml says what each key is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = ""
    software: tuple[str, ...] = ()
    count: int = Field(default=250, ge=1)
    patients: int = Field(default=1, ge=1)
    ids: int = Field(default=50, ge=1)
    code_list: int = Field(default=1_200, ge=200)
    everything: bool = False
    last_updated: bool = True
    list_ids: bool = True
    people: tuple[Mapping[str, tuple[str, ...]], ...] = ()
    references: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    without: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    categories: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)

    def over(self, base: ServerProfile) -> ServerProfile:
        """This file on top of another: what it states holds, of tables key by key."""
        stated = {name: getattr(self, name) for name in self.model_fields_set}
        for name, value in stated.items():
            if isinstance(value, dict):
                stated[name] = {**getattr(base, name), **value}
        return base.model_copy(update=stated)

    def is_of(self, capability: Capability) -> bool:
        """Whether a server of these names is of this kind."""
        names = f"{capability.software}\n{capability.publisher}".lower()
        return any(each.lower() in names for each in self.software)


def shipped() -> dict[str, ServerProfile]:
    """The profiles of mappings/server/ by name. Raises DefinitionError."""
    found = artifacts.listing(mapping_files.root() / "server", ".toml")
    return {
        file.name.removesuffix(".toml"): _read(file, f"mappings/server/{file.name}")
        for file in found
    }


def profile(capability: Capability, stated: str = "") -> ServerProfile:
    """How this server is searched.

    stated: the name of a shipped profile, or the path of a site's own .toml, which counts over the
    one that the server's name tells. Raises DefinitionError.
    """
    known = shipped()
    base = known.pop(DEFAULT)
    own = stated.endswith(".toml")
    if stated and not own and stated != DEFAULT and stated not in known:
        raise DefinitionError(
            f"no server profile {stated!r}",
            hint=f"shipped: {', '.join(sorted(known))}; a file of your own ends in .toml",
        )
    if stated and not own:
        return known[stated].over(base) if stated in known else base
    told = next((each for each in known.values() if each.is_of(capability)), None)
    found = told.over(base) if told else base
    return _read(Path(stated), stated).over(found) if own else found


def _read(file: Traversable | Path, where: str) -> ServerProfile:
    try:
        return ServerProfile.model_validate(artifacts.read_toml(file))
    except ValidationError as error:
        item = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in item["loc"])
        known = ", ".join(ServerProfile.model_fields)
        raise DefinitionError(
            f"{key}: {item['msg']}", where=where, hint=f"keys: {known}"
        ) from error


@dataclass(frozen=True, slots=True)
class Server:
    """A server as it is searched: what it says it can, less what its kind is known not to."""

    capability: Capability
    profile: ServerProfile

    def searches(self, resource_type: str, parameter: str) -> bool:
        """Whether the type can be searched by the parameter."""
        if parameter == "_lastUpdated" and not self.profile.last_updated:
            return False
        if parameter in self.profile.without.get(resource_type, ()):
            return False
        return self.capability.searches(resource_type, parameter)

    def by_patient(self, resource_type: str) -> str | None:
        """The parameter that names patients: `patient`, else `subject`, else none."""
        for name in ("patient", "subject"):
            if self.searches(resource_type, name):
                return name
        return None
