"""The table of results: figures, and ratios to the baseline of the same run with their range."""

from collections.abc import Iterator
from typing import Any

_HEAD = (
    *("", "c", "", "req/s", "p50 ms", "p99 ms", "app µs", "pg µs", "load µs", "MB"),
    *("req/s ratio", "app CPU ratio", "p50 ratio"),
)
_FIGURES = (
    ("per_second", ",.0f"),
    ("p50_ms", ".3f"),
    ("p99_ms", ".2f"),
    ("app_us", ",.0f"),
    ("postgres_us", ",.0f"),
    ("load_us", ",.0f"),
    ("resident_mb", ",.0f"),
)


def table(sections: dict[str, list[dict[str, Any]]]) -> str:
    rows = [_HEAD]
    for section in sections.values():
        rows += [row for result in section for row in _rows(result)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = ["  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def _rows(result: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for number, (name, figures) in enumerate(result["entrants"].items()):
        ratios = result["ratios"].get(name, {})
        yield (
            result["title"] if number == 0 else "",
            str(result["connections"] or "") if number == 0 else "",
            name,
            *(_number(figures.get(figure), form) for figure, form in _FIGURES),
            _ratio(ratios.get("per_second")),
            _ratio(ratios.get("app_us")),
            _ratio(ratios.get("p50_ms")),
        )


def _number(spread: dict[str, float] | None, form: str) -> str:
    return "" if spread is None else format(spread["median"], form)


def _ratio(spread: dict[str, float] | None) -> str:
    if spread is None:
        return ""
    return f"{spread['median']:.2f} ({spread['min']:.2f}..{spread['max']:.2f})"
