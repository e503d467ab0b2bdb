"""The context of an operation: the viewer, and the batches that its fields share."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from strawberry.dataloader import DataLoader

from models import SiteSettings
from resolvers import site_settings
from resolvers.viewer import ANONYMOUS, Viewer
from schema.selection import Selections

# Fetches the pages of several parents with the same arguments, in one statement.
FetchPages = Callable[..., Awaitable[Sequence[Any]]]


@dataclass(frozen=True)
class PageOf:
    """A page below one parent: `arguments` are the same for all parents of one batch."""

    fetch: FetchPages
    parent: Hashable
    arguments: tuple[Hashable, ...]


@dataclass
class Context:
    """Made for each request by the transport."""

    viewer: Viewer = ANONYMOUS
    # Selections of the operation's fields, shared by all requests for the same document.
    selections: Selections = field(default_factory=dict)
    # Of sentences for the viewer: one that the mails have.
    language: str = "en"
    _settings: SiteSettings | None = None
    _pages: DataLoader[PageOf, Any] | None = None

    def renewed(self) -> "Context":
        """A context for the same viewer and operation, which has read nothing yet."""
        return Context(self.viewer, self.selections, self.language)

    async def settings(self) -> SiteSettings:
        """The site's settings, read once per request."""
        if self._settings is None:
            self._settings = await site_settings.current()
        return self._settings

    def forget_settings(self) -> None:
        self._settings = None

    async def page(self, fetch: FetchPages, parent: Hashable, *arguments: Hashable) -> Any:
        """The page below one parent. Pages requested in the same tick share one statement."""
        key = PageOf(fetch, parent, arguments)
        if self._pages is None:
            self._pages = DataLoader(load_fn=self._load, cache=False)
        try:
            return await self._pages.load(key)
        except asyncio.CancelledError:
            # The batch was cancelled before it ran; the loader would keep adding to it for ever.
            self._pages = None
            raise

    async def _load(self, keys: list[PageOf]) -> list[Any]:
        groups: dict[tuple[FetchPages, tuple[Hashable, ...]], list[PageOf]] = {}
        for key in keys:
            groups.setdefault((key.fetch, key.arguments), []).append(key)
        pages_by_key: dict[int, Any] = {}
        for (fetch, arguments), group in groups.items():
            try:
                pages: Sequence[Any] = await fetch(
                    self.viewer, [key.parent for key in group], *arguments
                )
            except Exception as error:  # noqa: BLE001 - raised in each field that waits for it
                pages = [error] * len(group)
            pages_by_key |= {id(key): page for key, page in zip(group, pages, strict=True)}
        return [pages_by_key[id(key)] for key in keys]
