"""The settings under environment variables. Apart, since few commands run with any of them, and
what reads them takes as long to import as all other settings together."""

from __future__ import annotations

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from adapter.config import NESTED, PREFIX, Settings


class SettingsOfEnvironment(BaseSettings, Settings):
    """What the file states is given to the constructor; the environment beats it."""

    model_config = SettingsConfigDict(
        extra="forbid", env_prefix=PREFIX, env_nested_delimiter=NESTED, frozen=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment before the file."""
        return env_settings, init_settings
