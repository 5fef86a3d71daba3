"""What an export need not tell of: deletions, by the histories of types (pull.md D2, D4)."""

from __future__ import annotations

from adapter.config import SiteSettings
from adapter.errors import Unreachable
from adapter.pull.crawl import capability, servers, windows
from adapter.pull.crawl.deletions import by_history
from adapter.pull.crawl.search import Searcher
from adapter.pull.crawl.servers import Server
from adapter.pull.crawl.taken import Taker
from adapter.pull.landing.run_folder import Landing
from adapter.pull.plan import Plan
from adapter.pull.transport.client import Client


async def ask(client: Client, landing: Landing, site: SiteSettings, plan: Plan) -> dict[str, str]:
    """Keep a tombstone for what was deleted since, of the types that are asked for by increments.

    Type -> why its deletions are not known; where no history is offered, the log says so. Raises
    LandingError.
    """
    since = {name: at for name, at in plan.since.items() if at}
    if not since or landing.state.server_time is None:
        return {}
    try:
        stated, _ = await capability.read(client)
    except Unreachable as error:
        return dict.fromkeys(since, f"deletions are not known: {error.what}")
    taker = Taker(Searcher(client), landing, Server(stated, servers.profile(stated, site.server)))
    now, failed = windows.moment(landing.state.server_time), {}
    for name in [name for name in since if stated.history(name)]:
        window = windows.since(windows.moment(since[name]), site.overlap, now)
        try:
            await by_history(taker, name, window)
        except Unreachable as error:
            failed[name] = f"deletions are not known: {error.what}"
    if untracked := sorted(name for name in since if not stated.history(name)):
        landing.note("information", "incomplete", f"deletions not tracked: {', '.join(untracked)}")
    return failed
