"""Locks are installed without resolving, so each must contain all that its packages require."""

import re
import tomllib
from importlib import metadata
from itertools import product
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
NAME = PROJECT["project"]["name"]
# The extras of this project that each lock contains, besides its own requirements.
LOCKS = {"run": ["build"], "test": ["test"], "check": ["check"]}
# The first and a late release of each Python, which markers may distinguish.
PYTHONS = ["3.11.0", "3.11.14", "3.12.0", "3.12.12", "3.13.0", "3.13.9", "3.14.0", "3.14.5"]
MACHINES = [
    ("linux", "Linux", "x86_64"),
    ("linux", "Linux", "aarch64"),
    ("darwin", "Darwin", "arm64"),
    ("darwin", "Darwin", "x86_64"),
]


def environment(python, sys_platform, system, machine):
    return {
        "implementation_name": "cpython",
        "implementation_version": python,
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": system,
        "platform_version": "",
        "python_full_version": python,
        "python_version": python.rpartition(".")[0],
        "sys_platform": sys_platform,
    }


ENVIRONMENTS = [environment(python, *machine) for python, machine in product(PYTHONS, MACHINES)]


def requirements(lines):
    return [Requirement(line) for line in lines]


def applies(requirement, environment, extra=""):
    return requirement.marker is None or requirement.marker.evaluate(environment | {"extra": extra})


class Lock:
    """What a lock installs in an environment, and what that requires."""

    def __init__(self, name, environment):
        lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
        pins = requirements(re.sub(r" \\$", "", line) for line in lines if re.match(r"\w", line))
        self.environment = environment
        self.pins = [pin for pin in pins if applies(pin, environment)]
        self.reached = set()

    def walk(self, requirement):
        """Follow a requirement to the end. Fails if the lock lacks something."""
        name = canonicalize_name(requirement.name)
        for extra in ("", *requirement.extras):
            if name == canonicalize_name(NAME):
                self._follow(own(extra), "")
            elif (name, extra) not in self.reached:
                version = self._locked(requirement)
                self.reached.add((name, extra))
                self._follow(required(name, version, extra, self.environment), extra)

    def _follow(self, lines, extra):
        for requirement in requirements(lines):
            if applies(requirement, self.environment, extra):
                self.walk(requirement)

    def _locked(self, requirement):
        name = canonicalize_name(requirement.name)
        matches = [pin for pin in self.pins if canonicalize_name(pin.name) == name]
        assert len(matches) == 1, f"{requirement}: {matches or 'not locked'} on {self.environment}"
        (pin,) = matches[0].specifier
        assert pin.operator == "=="
        assert requirement.specifier.contains(pin.version, prereleases=True), (
            f"{requirement}: {pin}"
        )
        return pin.version


def own(extra):
    """What this project requires, from pyproject.toml."""
    if not extra:
        return PROJECT["project"]["dependencies"]
    return PROJECT["project"]["optional-dependencies"][extra]


def required(name, version, extra, environment):
    """What a locked package requires, from its metadata if this Python has it installed.

    Packages that this Python does not install are checked by the suite on another one.
    """
    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        distribution = None
    if distribution is None or distribution.version != version:
        assert is_elsewhere(name, version), f"{name} {version} is locked and not installed"
        return []
    if extra:
        provided = distribution.metadata.get_all("Provides-Extra") or []
        assert extra in map(canonicalize_name, provided), f"{name} has no extra {extra}"
    return distribution.requires or []


def is_elsewhere(name, version):
    """Whether no lock makes this Python on this machine install it."""
    here = default_environment()
    return not any(
        canonicalize_name(pin.name) == name and pin.specifier.contains(version)
        for lock in LOCKS
        for pin in Lock(lock, here).pins
    )


def is_installed(pin):
    try:
        return pin.specifier.contains(metadata.version(pin.name))
    except metadata.PackageNotFoundError:
        return False


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_all_that_its_packages_require(lock):
    if not all(map(is_installed, Lock(lock, default_environment()).pins)):
        assert lock == "check", "make test installs the others"
        pytest.skip("make check installs it")

    for each in ENVIRONMENTS:
        Lock(lock, each).walk(Requirement(f"{NAME}[{','.join(LOCKS[lock])}]"))


def test_all_that_the_suite_has_installed_from_its_lock_was_walked_to():
    lock = Lock("test", default_environment())

    lock.walk(Requirement(f"{NAME}[test]"))

    assert {name for name, _ in lock.reached} == {canonicalize_name(pin.name) for pin in lock.pins}


def test_every_file_of_the_folder_is_such_a_lock_and_every_pin_has_hashes():
    for path in (ROOT / "requirements").iterdir():
        assert path.stem in LOCKS
        for package in re.split(r"^(?=\w)", path.read_text(), flags=re.MULTILINE)[1:]:
            assert "--hash=sha256:" in package, package


def test_what_builds_the_project_is_locked_at_the_release_that_it_names():
    for requirement in requirements(PROJECT["build-system"]["requires"]):
        assert str(requirement) in own("build")


def test_the_makefile_installs_locks_and_this_tree_without_resolving():
    recipes = re.findall(r"\$\(PIP\) (.*)", (ROOT / "Makefile").read_text())

    assert recipes == [
        "--no-deps --require-hashes -r $<",
        "--no-deps --no-build-isolation -e .",
    ]
