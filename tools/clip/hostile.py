#!/usr/bin/env python3
"""Rebuilds testkit/fixtures/hostile: image bytes that a decoder must refuse, or survive, cheaply.

Reads testkit/fixtures/photos/astronaut.jpg; needs Pillow. Run after photos.py.
"""

import io
import pathlib
import struct
import zlib

from PIL import Image

FIXTURES = pathlib.Path(__file__).resolve().parents[2] / "testkit/fixtures"
OUT = FIXTURES / "hostile"
HUGE = 30_000


def jpeg(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=70, **options)
    return buffer.getvalue()


def with_claimed_size(data, width, height):
    """The same JPEG with another size in its frame header."""
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    face = Image.open(FIXTURES / "photos/astronaut.jpg").crop((74, 0, 374, 300)).resize((128, 128), Image.LANCZOS)
    good = jpeg(face)
    grey = jpeg(Image.new("L", (8, 8), 128))
    header = struct.pack(">IIBBBBB", HUGE, HUGE, 8, 2, 0, 0, 0)
    gif = io.BytesIO()
    face.quantize(16).save(gif, "GIF")

    # An EXIF block that calls itself big-endian, puts its directory far outside, and would hold 65,535 entries.
    tiff = b"MM\x00\x2a" + struct.pack(">I", 0x7FFF_FFF0) + b"\xff\xff" + b"\x01\x12" * 4
    exif = b"Exif\x00\x00" + tiff
    bad_exif = good[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + good[2:]

    files = {
        "truncated.jpg": good[: len(good) // 2],
        "zero.jpg": b"",
        "text.jpg": b"This is a text file that calls itself a photograph.\n",
        "huge_header.jpg": with_claimed_size(grey, HUGE, HUGE),
        "huge_header.png": b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\x00" * 64)),
        "one_frame.gif": gif.getvalue(),
        "cut.mjpeg": good + good + good[: len(good) // 2],
        "bad_exif.jpg": bad_exif,
    }
    for name, data in files.items():
        (OUT / name).write_bytes(data)


if __name__ == "__main__":
    main()
