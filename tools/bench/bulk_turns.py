"""Handles one photograph for every line on standard input and prints the milliseconds it took.

usage: bulk_turns.py KIND FOLDER      (pip install opencv-python-headless numpy)

KIND is `eighth`, `quarter` or `whole`: decoded at an eighth, a quarter or whole; `searched` and `searched_eighth`: decoded at a
quarter or an eighth, resized to 640 pixels and searched by FaceDetectorYN, its model named in REGARD_YUNET. FOLDER holds JPEGs, which are read before and taken in turn. All on one core.
"""

import os
import pathlib
import sys
import time

# The second of two where there are two: whoever drives this has the first.
os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[-1]})

import cv2
import numpy

cv2.setNumThreads(1)
kind, folder = sys.argv[1:]
files = [numpy.frombuffer(path.read_bytes(), numpy.uint8) for path in sorted(pathlib.Path(folder).iterdir())]
if kind == "whole":
    flags = cv2.IMREAD_COLOR
elif kind.endswith("eighth"):
    flags = cv2.IMREAD_REDUCED_COLOR_8
else:
    flags = cv2.IMREAD_REDUCED_COLOR_4
is_searched = kind.startswith("searched")
detector = cv2.FaceDetectorYN.create(os.environ["REGARD_YUNET"], "", (640, 480), 0.6, 0.3) if is_searched else None


def turn(file):
    picture = cv2.imdecode(file, flags)
    if detector is None:
        return picture.shape[0]
    faces = detector.detect(cv2.resize(picture, (640, 480), interpolation=cv2.INTER_LINEAR))[1]
    return 0 if faces is None else len(faces)


print(cv2.__version__, flush=True)
for index, _ in enumerate(sys.stdin):
    began = time.perf_counter()
    found = turn(files[index % len(files)])
    print((time.perf_counter() - began) * 1e3, found, flush=True)
