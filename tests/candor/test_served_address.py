"""The address where `candor serve` listens is what it prints and what links in mails use."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from email import message_from_bytes, policy

import pytest

from candor.commands.startup import browser_url

CANDOR = [sys.executable, "-c", "from candor.commands.main import main; main()"]
SECRET = "a secret of the tests, long enough to sign with"
ANSWERS = re.compile(r"Candor answers at (http://\S+)/graphql ")
REVIEWS = '{ service(ref: {externalId: "SERV-1"}) { reviews(first: 1) { nodes { id } } } }'
REJECT = """
mutation { rejectReview(input: {reviewId: "%s", reason: SPAM}) { errors { code message } } }"""


@pytest.fixture
def environment(tmp_path):
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "CANDOR_SECRET": SECRET,
        "CANDOR_SMTP_URL": f"file:{tmp_path}/mails",
    }


@pytest.fixture
def serve(environment, tmp_path):
    """Start the server and read its output until it prints the address: address and process."""
    processes = []

    def start(*options, **variables):
        process = subprocess.Popen(
            [*CANDOR, "serve", *options],
            cwd=tmp_path,
            env=environment | variables,
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        for line in process.stdout:
            if result := ANSWERS.match(line):
                return result[1], process
        pytest.fail(f"it ended with {process.wait(20)}")

    yield start
    for process in processes:
        process.terminate()
        process.communicate(timeout=20)


def header_of(process, title):
    """The header that is printed under a title."""
    for line in process.stdout:
        if line.startswith(title):
            return json.loads(process.stdout.readline())
    return pytest.fail(title)


def ask(address, header, query):
    body = json.dumps({"query": query}).encode()
    headers = header | {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}/graphql", body, headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)["data"]


def reject(address, process):
    """Reject a review of the demo as Ada: its author gets a mail with a link to edit it."""
    ada = header_of(process, "Admin Ada")
    review = ask(address, ada, REVIEWS)["service"]["reviews"]["nodes"][0]["id"]
    assert ask(address, ada, REJECT % review)["rejectReview"]["errors"] == []


def first_mail(folder):
    """The first mail that was written into the folder, once there is one."""
    ends = time.monotonic() + 20
    while not (result := list(folder.glob("*.eml"))):
        assert time.monotonic() < ends, "no mail"
        time.sleep(0.05)
    mail = message_from_bytes(result[0].read_bytes(), policy=policy.default)
    return mail.get_body(("plain",)).get_content()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_that_the_system_chose_is_printed_and_mails_lead_to_it(serve, tmp_path, workers):
    address, process = serve("--port", "0", "--demo", "--workers", workers)
    with urllib.request.urlopen(f"{address}/healthz", timeout=20) as answer:
        assert answer.status == 200

    reject(address, process)

    mail = first_mail(tmp_path / "mails")
    assert f"{address}/r/" in mail
    assert set(re.findall(r"https?://[^/\s]+", mail)) == {address}
    assert not address.endswith(":0")


def test_mails_lead_where_the_environment_says(serve, tmp_path):
    public = "https://reviews.example.com"
    address, process = serve("--port", "0", "--demo", CANDOR_PUBLIC_URL=public)

    reject(address, process)

    mail = first_mail(tmp_path / "mails")
    assert f"{public}/r/" in mail
    assert set(re.findall(r"https?://[^/\s]+", mail)) == {public}


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:9000"),
        ("localhost", "http://localhost:9000"),
        ("0.0.0.0", "http://127.0.0.1:9000"),
        ("::1", "http://[::1]:9000"),
        ("::", "http://[::1]:9000"),
    ],
)
def test_the_address_can_be_opened_in_a_browser(host, address):
    assert browser_url(host, 9000) == address


def refused(environment, folder, *arguments):
    done = subprocess.run(
        [*CANDOR, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_in_use_is_told_before_anything_is_done(environment, tmp_path, workers):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])

        error = refused(
            environment, tmp_path, "serve", "--port", port, "--workers", workers, "--demo"
        )

    assert error == f"Error: Nothing can listen at 127.0.0.1:{port}: Address already in use.\n"
    assert list(tmp_path.iterdir()) == []


def test_a_host_that_is_not_there_is_told(environment, tmp_path):
    error = refused(environment, tmp_path, "serve", "--host", "nowhere.invalid", "--port", "0")

    assert error.startswith("Error: Nothing can listen at nowhere.invalid:0: ")
    assert list(tmp_path.iterdir()) == []


def test_mails_that_cannot_be_shown_say_why(environment, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        error = refused(environment, tmp_path, "mails", "--serve", "--port", port)
    assert error == f"Error: Nothing can listen at 127.0.0.1:{port}: Address already in use.\n"

    (tmp_path / "letter").touch()
    error = refused(environment, tmp_path, "mails", "letter/shown")
    assert error == "Error: letter/shown cannot be written: Not a directory.\n"


def test_a_secret_that_cannot_be_kept_is_asked_for(environment, tmp_path):
    (tmp_path / "candor-secret").mkdir()

    error = refused(environment | {"CANDOR_SECRET": ""}, tmp_path, "key", "list")

    assert error.startswith("Error: The file candor-secret cannot be kept here (Is a directory)")
