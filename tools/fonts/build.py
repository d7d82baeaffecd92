"""Makes reports/fonts/ of the npm package @fontsource/atkinson-hyperlegible.

    npm install --prefix WORK @fontsource/atkinson-hyperlegible@5
    pip install fonttools brotli
    python tools/fonts/build.py WORK/node_modules/@fontsource/atkinson-hyperlegible reports/fonts

The package holds each weight in two subsets; they are merged, and nothing else is changed.
"""

import hashlib
import pathlib
import shutil
import sys
import tempfile

from fontTools.merge import Merger
from fontTools.ttLib import TTFont


def main() -> None:
    package, target = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    target.mkdir(parents=True, exist_ok=True)
    for weight, name in ((400, "regular"), (700, "bold")):
        with tempfile.TemporaryDirectory() as work:
            parts = []
            for subset in ("latin", "latin-ext"):
                font = TTFont(package / "files" / f"atkinson-hyperlegible-{subset}-{weight}-normal.woff2")
                font.flavor = None
                part = pathlib.Path(work) / f"{subset}.ttf"
                font.save(part)
                parts.append(str(part))
            merged = Merger().merge(parts)
            # The same bytes from every run.
            merged["head"].modified = merged["head"].created
            out = target / f"atkinson-hyperlegible-{name}.ttf"
            merged.save(out, reorderTables=True)
        print(hashlib.sha256(out.read_bytes()).hexdigest(), out.name)
    shutil.copy(package / "LICENSE", target / "OFL.txt")


if __name__ == "__main__":
    main()
