"""Limits the length of an answer while it is built, so that building stops in time."""

from typing import Any

from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from candor.settings import Settings


class TooLong(BaseException):
    """The answer is longer than the limit.

    Nothing of it will be sent. So this is a BaseException, like a cancellation: handlers of field
    errors must not catch it.
    """


class Length:
    """Counts the characters of text in one answer: nothing else in it is large."""

    # The characters that may still follow.
    left: int = Settings.max_answer

    def text(self, value: str) -> str:
        """The text, counted. Raises TooLong."""
        self.left -= len(value)
        if self.left < 0:
            raise TooLong
        return value


class MeasuredExecutor(Length, StrawberryGraphQLCoreExecutionContext):
    """Strawberry's executor, with a limit on the length of the answer."""

    # A static method in graphql-core; an instance method here, to count.
    def complete_leaf_value(self, return_type: Any, result: Any) -> Any:  # type: ignore[override]
        completed = super().complete_leaf_value(return_type, result)
        return self.text(completed) if type(completed) is str else completed
