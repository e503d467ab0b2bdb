"""Trusted documents, with manifests of Relay, Apollo and GraphQL Codegen."""

import json
from hashlib import sha256

import pytest

from candor.settings import BadSettings, from_environment
from candor.settings.manifest import BadManifest, read_manifest


@pytest.fixture
def database(sqlite_database) -> str:
    """One database is enough: what is tested here stores nothing."""
    return sqlite_database


TEXT = "query Front { viewer { role } }"
HASH = sha256(TEXT.encode()).hexdigest()
RELAY = {"0f1e2d": TEXT}
APOLLO = {
    "format": "apollo-persisted-query-manifest",
    "version": 1,
    "operations": [{"id": HASH, "name": "Front", "type": "query", "body": TEXT}],
}
CODEGEN = {HASH: TEXT}
ANSWER = {"viewer": {"role": "ANONYMOUS"}}


@pytest.fixture
def manifest(tmp_path):
    def write(content):
        path = tmp_path / "manifest.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


@pytest.mark.parametrize(
    ("content", "request_"),
    [
        (RELAY, {"doc_id": "0f1e2d"}),
        (RELAY, {"id": "0f1e2d"}),
        (RELAY, {"documentId": f"sha256:{HASH}"}),
        (APOLLO, {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": HASH}}}),
        (CODEGEN, {"documentId": HASH}),
        (CODEGEN, {"documentId": f"sha256:{HASH}"}),
        (CODEGEN, {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": HASH}}}),
        (CODEGEN, {"query": TEXT}),
    ],
)
@pytest.mark.parametrize("mode", ["prefer", "only"])
async def test_a_trusted_document_is_known_by_its_id(another, manifest, content, request_, mode):
    async with another(trusted_documents=mode, trusted_manifest=manifest(content)) as client:
        answer = await client.post("/graphql", json=request_)
        by_get = await client.get(
            "/graphql",
            params={k: v if isinstance(v, str) else json.dumps(v) for k, v in request_.items()},
        )

    assert answer.json()["data"] == by_get.json()["data"] == ANSWER


@pytest.mark.parametrize(
    ("mode", "request_", "code"),
    [
        ("only", {"query": "{ __typename }"}, "DOCUMENT_NOT_TRUSTED"),
        ("only", {"documentId": "unknown"}, "PERSISTED_QUERY_NOT_FOUND"),
        ("prefer", {"documentId": "unknown"}, "PERSISTED_QUERY_NOT_FOUND"),
        ("prefer", {"query": "{ __typename }", "documentId": HASH}, "BAD_REQUEST"),
        ("prefer", {"documentId": 5}, "BAD_REQUEST"),
        ("prefer", {"extensions": {"persistedQuery": 5}}, "BAD_REQUEST"),
    ],
)
async def test_a_document_that_is_not_trusted_is_refused(another, manifest, mode, request_, code):
    async with another(trusted_documents=mode, trusted_manifest=manifest(CODEGEN)) as client:
        answer = await client.post("/graphql", json=request_)

    assert answer.json()["errors"][0]["extensions"]["code"] == code


async def test_prefer_takes_other_documents_too(another, manifest):
    unknown = {"persistedQuery": {"version": 1, "sha256Hash": "abc"}}
    async with another(trusted_documents="prefer", trusted_manifest=manifest(CODEGEN)) as client:
        answer = await client.post(
            "/graphql", json={"query": "{ __typename }", "extensions": unknown}
        )

    assert answer.json()["data"] == {"__typename": "Query"}


@pytest.mark.parametrize("content", ["not json", "[]", '{"a": 5}', '{"operations": [{"id": "x"}]}'])
def test_a_manifest_of_another_kind_is_refused_at_the_start(manifest, content):
    path = manifest(content)

    with pytest.raises(BadManifest):
        read_manifest(path)
    with pytest.raises(BadSettings, match="CANDOR_TRUSTED_MANIFEST"):
        from_environment(
            {
                "CANDOR_SECRET": "x" * 32,
                "CANDOR_TRUSTED_DOCUMENTS": "only",
                "CANDOR_TRUSTED_MANIFEST": str(path),
            }
        )
