"""`models/manifest.toml`: read with the standard library, two fields of an entry written in place."""

import pathlib
import re
import tomllib


class Manifest:
    def __init__(self, path: pathlib.Path):
        self._path = path
        self._text = path.read_text(encoding="utf-8")
        self.models = tomllib.loads(self._text)["model"]

    def committed(self) -> list[dict]:
        return [m for m in self.models if m["obtain"] == "committed"]

    def accept(self, model_id: str, n_bytes: int, sha256: str) -> None:
        """Records size and hash of a rebuilt file. Comments and layout stay as they are."""
        entry = re.compile(rf'^id = "{re.escape(model_id)}"$.*?(?=^\[\[model\]\]|\Z)', re.MULTILINE | re.DOTALL)
        found = entry.search(self._text)
        if found is None:
            raise KeyError(model_id)
        changed = re.sub(r"^bytes = .*$", f"bytes = {n_bytes}", found.group(), count=1, flags=re.MULTILINE)
        changed = re.sub(r"^sha256 = .*$", f'sha256 = "{sha256}"', changed, count=1, flags=re.MULTILINE)
        self._text = self._text[: found.start()] + changed + self._text[found.end() :]
        self._path.write_text(self._text, encoding="utf-8")
