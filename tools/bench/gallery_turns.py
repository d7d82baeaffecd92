"""Does one search, or one verification, for every line on standard input and prints the milliseconds it took.

usage: gallery_turns.py KIND THREADS FACES PROBES K    (pip install faiss-cpu usearch opencv-python-headless numpy)
       gallery_turns.py verify THREADS JPEG

FACES and PROBES hold unit vectors of 128 numbers, float32, one after the other. KIND:

  faiss-float   IndexFlatIP: exact, 4 bytes a number
  faiss-int8    IndexScalarQuantizer with 8 bits, 1 byte a number, compared with all
  usearch-float exact search over float32
  usearch-int8  exact search over int8
  opencv        FaceRecognizerSF.match, pair by pair: it has no search. 20,000 pairs are matched, and the time is
                multiplied up to all of them
  verify        OpenCV from a JPEG on: decode, FaceDetectorYN, alignCrop, feature, match; models in REGARD_YUNET and
                REGARD_SFACE

Each line is answered for all probes of the file together. With one thread, on the second of the cores where there are two.
"""

import os
import sys
import time

kind, threads = sys.argv[1], int(sys.argv[2])
os.environ["OMP_NUM_THREADS"] = str(threads)
if threads == 1:
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[-1]})

import numpy


def floats(path):
    return numpy.fromfile(path, dtype=numpy.float32).reshape(-1, 128)


def whole_numbers(vectors):
    """As our own templates: 127 at the greatest."""
    most = numpy.abs(vectors).max(axis=1, keepdims=True)
    return numpy.round(vectors * (127 / most)).astype(numpy.int8)


def faiss(faces, probes, k):
    import faiss

    faiss.omp_set_num_threads(threads)
    if kind == "faiss-float":
        index = faiss.IndexFlatIP(128)
    else:
        index = faiss.IndexScalarQuantizer(128, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT)
        index.train(faces[:100_000])
    index.add(faces)
    return lambda: index.search(probes, k), faiss.__version__


def usearch(faces, probes, k):
    import usearch
    from usearch.index import MetricKind, search

    metric = MetricKind.IP
    if kind == "usearch-int8":
        faces, probes, metric = whole_numbers(faces), whole_numbers(probes), MetricKind.Cos
    return lambda: search(faces, probes, k, metric, exact=True, threads=threads), usearch.__version__


def opencv(faces, probes, k):
    import cv2

    cv2.setNumThreads(threads)
    n_pairs = 20_000
    recognizer = cv2.FaceRecognizerSF.create(os.environ["REGARD_SFACE"], "")
    rows = [row.reshape(1, 128) for row in faces[:n_pairs]]
    probes = [row.reshape(1, 128) for row in probes]

    def turn():
        for probe in probes:
            for row in rows:
                recognizer.match(probe, row, cv2.FaceRecognizerSF_FR_COSINE)

    turn.times = len(faces) / n_pairs
    return turn, cv2.__version__


def verify(path):
    import cv2

    cv2.setNumThreads(threads)
    jpeg = numpy.fromfile(path, dtype=numpy.uint8)
    recognizer = cv2.FaceRecognizerSF.create(os.environ["REGARD_SFACE"], "")
    detector = cv2.FaceDetectorYN.create(os.environ["REGARD_YUNET"], "", (320, 320), 0.6, 0.3)

    def feature():
        picture = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
        height, width = picture.shape[:2]
        detector.setInputSize((width, height))
        face = detector.detect(picture)[1][0]
        return recognizer.feature(recognizer.alignCrop(picture, face)).copy()

    enrolled = feature()
    return lambda: recognizer.match(enrolled, feature(), cv2.FaceRecognizerSF_FR_COSINE), cv2.__version__


if kind == "verify":
    turn, version = verify(sys.argv[3])
else:
    faces, probes, k = floats(sys.argv[3]), floats(sys.argv[4]), int(sys.argv[5])
    turn, version = {"faiss": faiss, "usearch": usearch, "opencv": opencv}[kind.split("-")[0]](faces, probes, k)
print(version, flush=True)
for _ in sys.stdin:
    began = time.perf_counter()
    turn()
    print((time.perf_counter() - began) * 1e3 * getattr(turn, "times", 1), flush=True)
