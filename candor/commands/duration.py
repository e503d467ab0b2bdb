"""Durations as options of commands."""

import re
from datetime import timedelta
from typing import Any

import click

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Duration(click.ParamType[timedelta]):
    """`90s`, `15m`, `1h`, `30d`."""

    name = "duration"

    def convert(self, value: Any, param: Any, ctx: Any) -> timedelta:
        if isinstance(value, timedelta):
            return value
        parts = re.fullmatch(r"(\d{1,9})([smhd])", str(value))
        if not parts or not int(parts[1]):
            self.fail("give a number and a unit, such as 90s, 15m, 1h or 30d", param, ctx)
        return timedelta(**{_UNITS[parts[2]]: int(parts[1])})
