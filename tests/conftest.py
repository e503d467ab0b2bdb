"""The fixtures that every test may use, by subject."""

pytest_plugins = [
    "tests.fixtures.databases",
    "tests.fixtures.application",
    "tests.fixtures.people",
    "tests.fixtures.reviews",
    "tests.fixtures.updates",
    "tests.fixtures.stored",
    "tests.fixtures.subscribers",
]
