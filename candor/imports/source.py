"""A file to import; errors of its rows name the file's own columns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from candor.imports.report import Report
from candor.imports.row_files import Layout
from resolvers.errors import Refusal

# Columns by the paths that resolvers use in their refusals.
_COLUMN_OF = {
    ("external_id",): "order_id",
    ("customer", "external_id"): "customer_id",
    ("customer", "display_name"): "customer_name",
    ("customer", "email"): "customer_email",
    ("vendor", "external_id"): "vendor_id",
    ("vendor", "display_name"): "vendor_name",
    ("service", "external_id"): "service_id",
    ("service", "title"): "service_title",
}


@dataclass(frozen=True)
class Source:
    """A file and how to read it."""

    path: Path
    layout: Layout = field(default_factory=Layout)
    time_zone: str | None = None
    # Of strptime or of `dates.UNIX`, tried in their order.
    date_formats: Sequence[str] = ()
    dry_run: bool = False
    # The operator vouches for the purchases in a file of reviews.
    verified: bool = False
    progress: Callable[[int], None] = lambda _: None
    # Filled during the import, so that it can be read after one that stopped early.
    report: Report = field(default_factory=Report)

    def describe(self, refusal: Refusal) -> str:
        """The errors of a row as text, by the file's own column names."""
        return "; ".join(map(self._line, refusal.all))

    def _line(self, error: Refusal) -> str:
        path = tuple(error.field[2:] if error.field[:1] == ["orders"] else error.field)
        name = _COLUMN_OF.get(path, ".".join(path))
        own = next((column for column, field in self.layout.columns.items() if field == name), None)
        if own is not None:
            name = f"{own} ({name})"
        return f"{name}: {error.message}" if name else error.message
