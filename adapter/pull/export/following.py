"""One export from its status URL to files that are on record, tombstones and failures."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from adapter.pull.export.dialogue import Dialogue
from adapter.pull.export.download import Download
from adapter.pull.export.job import Job
from adapter.pull.export.manifest import ListedFile, Manifest, Section
from adapter.pull.export.polling import whole_manifest
from adapter.pull.export.rows import Rules
from adapter.pull.landing.run_folder import Landing

ROUNDS = 3
"""Processes that go on with one export before what they could not reach counts as lost."""


@dataclass(slots=True)
class Following:
    """The way of one job.

    failed: type -> why it is not whole. open: another process is to go on.
    """

    dialogue: Dialogue
    landing: Landing
    job: Job
    rules: Rules
    failed: dict[str, str] = field(default_factory=dict)
    open: bool = False

    async def run(self) -> None:
        """Wait for the manifest, and fetch what it lists.

        Raises ExportGone, ExportFailed, InvalidManifest, DeadlinePassed, LandingError.
        """
        self._take(await whole_manifest(self.dialogue, self.job.status_url, self._partly))
        download = self._download()
        await download.run()
        self.failed = download.failed
        if download.unreached:
            self.job.rounds += 1
            self.open = self.job.rounds < ROUNDS
        self._bury()
        if self.job.refused:
            text = f"the manifest lists {self.job.refused} files that cannot be read"
            self._fail(self.rules.types, text)
        self.job.complete = not self.failed
        self.job.save(self.landing)

    def _download(self) -> Download:
        return Download(self.dialogue, self.landing, self.job, self.rules, self._renew)

    async def _partly(self, manifest: Manifest) -> None:
        """Fetch what an export under way lists already. What fails now has another chance."""
        self._take(manifest)
        await self._download().run()

    def _take(self, manifest: Manifest) -> None:
        strange = {file.resource_type for file in manifest.files if not self._is_wanted(file)}
        if strange:
            text = f"not asked for, and left there: {', '.join(sorted(map(str, strange)))}"
            self.landing.note("warning", "business-rule", text)
        self._list(manifest)
        # Resources without lastUpdated are as of then (B13).
        self.landing.as_of(manifest.transaction_time)

    def _list(self, manifest: Manifest) -> None:
        wanted = tuple(file for file in manifest.files if self._is_wanted(file))
        self.job.take(replace(manifest, files=wanted))
        self.job.save(self.landing)

    def _is_wanted(self, file: ListedFile) -> bool:
        """Whether the file may hold what was asked for: servers may ignore `_type`."""
        of_one = file.resource_type if file.section is Section.OUTPUT else None
        return of_one is None or of_one in self.rules.types

    async def _renew(self) -> None:
        async def wait(_: Manifest) -> None:
            """The files are fetched by those who asked for the manifest."""

        self._list(await whole_manifest(self.dialogue, self.job.status_url, wait))

    def _bury(self) -> None:
        """Keep the tombstones, but of what the same export also gives: that is no deletion."""
        for reference, when in self.rules.gone.items():
            if reference not in self.rules.contradicted:
                self.landing.deleted(*reference, when)
        both = {resource_type for resource_type, _ in self.rules.contradicted}
        self._fail(both, "resources are in the output and among the deleted")

    def _fail(self, types: frozenset[str] | set[str], why: str) -> None:
        for name in sorted(types):
            self.failed.setdefault(name, why)
