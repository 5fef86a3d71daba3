"""The registered systems: their keys, scopes and policy, from [[server.clients]]."""

from __future__ import annotations

from adapter.api.security.key_sets import FetchedKeys, FileKeys, PublicKey
from adapter.api.security.outgoing import Outgoing
from adapter.api.security.principal import Principal
from adapter.api.security.scopes import is_scope
from adapter.errors import ConfigurationError, Unreachable
from adapter.server_settings import ClientSettings, ServerSettings


class Clients:
    """The clients of one server by their id."""

    def __init__(self, server: ServerSettings, outgoing: Outgoing) -> None:
        """Raises ConfigurationError for keys, URLs or scopes that cannot be used."""
        self._settings: dict[str, ClientSettings] = {}
        for client in server.clients:
            _check_scopes(client)
            if client.id in self._settings:
                what = f"client {client.id} is registered twice"
                raise ConfigurationError(what, where="server.clients")
            self._settings[client.id] = client
        self._keys = {client.id: _keys(client, outgoing) for client in server.clients}

    def find(self, client_id: str) -> ClientSettings | None:
        """The client, if it is registered."""
        return self._settings.get(client_id)

    def keys(self, client: ClientSettings, kid: str) -> list[PublicKey]:
        """Its keys of this kid. Raises RaiwayError where they are out of reach."""
        return [key for key in self._keys[client.id].keys(kid) if key.kid == kid]

    def principal(self, client_id: str, scopes: tuple[str, ...]) -> Principal | None:
        """The client with the scopes of a token, if it is still registered."""
        client = self.find(client_id)
        if client is None:
            return None
        return Principal(client.id, "client", scopes, client.policy, client.patient_level)


def _keys(client: ClientSettings, outgoing: Outgoing) -> FileKeys | FetchedKeys:
    if client.jwks_file is not None:
        return FileKeys(client.id, client.jwks_file)
    try:
        outgoing.check(client.jwks_uri)
    except Unreachable as error:
        raise ConfigurationError(
            f"jwks_uri of client {client.id} is {error.what.removeprefix('the server points to ')}",
            where="server.clients",
            hint="an https URL without a user",
        ) from None
    return FetchedKeys(client.jwks_uri, outgoing)


def _check_scopes(client: ClientSettings) -> None:
    for scope in client.scopes:
        if not is_scope(scope):
            raise ConfigurationError(
                f"{scope!r} of client {client.id} is no scope that can be registered",
                where="server.clients",
                hint="system/Type.rs, in the letters c r u d s, or .read and .write",
            )
