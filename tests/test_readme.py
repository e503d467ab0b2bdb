"""Sends the README's requests to the demo."""

import json
import re
from pathlib import Path

import pytest

from candor.commands import demo
from candor.commands.main import main

README = (Path(__file__).parent.parent / "README.md").read_text()
BODIES = [
    json.loads(body) for body in re.findall(r"-d '(\{.*?\})'$", README, re.DOTALL | re.MULTILINE)
]


@pytest.fixture
def database(sqlite_database) -> str:
    """What `make run` uses."""
    return sqlite_database


async def test_the_query_and_the_mutation_of_the_readme_work_as_told(app, client, person):
    assert await demo.load()
    assert not await demo.load()
    token = person("customer", demo.CUSTOMER).token
    query, mutation = BODIES

    before = (await client.post("/graphql", json=query)).json()["data"]["service"]
    answers = [
        (
            await client.post(
                "/graphql", json=mutation, headers={"Authorization": f"Bearer {token}"}
            )
        ).json()
        for _ in range(2)
    ]
    after = (await client.post("/graphql", json=query)).json()["data"]["service"]

    assert answers[0]["data"]["createReview"]["errors"] == []
    assert answers[0]["data"]["createReview"]["review"]["verifiedPurchase"] is True
    assert answers[1]["data"]["createReview"]["errors"][0]["code"] == "ALREADY_REVIEWED"
    assert after["ratingSummary"]["count"] == before["ratingSummary"]["count"] + 1
    assert after["reviews"]["nodes"][0]["body"] == "On time, and just right."


def test_the_readme_names_every_command():
    for name in main.commands:
        assert f"candor {name}" in README
