"""How long an answer may be: counted while it is built, so that building stops in time."""

from typing import Any

from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from candor.settings import Settings


class TooLong(BaseException):
    """The answer is longer than answers may be.

    Nothing of it will be sent; so, as a cancellation does, this passes all that takes care of the
    errors of single fields.
    """


class Length:
    """Counts the texts of one answer: nothing else in it is large."""

    # How many characters more there may be.
    left: int = Settings.max_answer

    def text(self, value: str) -> str:
        """The text, counted. Raises TooLong."""
        self.left -= len(value)
        if self.left < 0:
            raise TooLong
        return value


class MeasuredExecutor(Length, StrawberryGraphQLCoreExecutionContext):
    """Executes as Strawberry does, as long as there is room in the answer."""

    # A static method of graphql-core's, which knows no executor.
    def complete_leaf_value(self, return_type: Any, result: Any) -> Any:  # type: ignore[override]
        completed = super().complete_leaf_value(return_type, result)
        return self.text(completed) if type(completed) is str else completed
