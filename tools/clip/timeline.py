#!/usr/bin/env python3
"""Prints the per-second timeline of a Motion-JPEG clip, as it stands in demo.toml.

An oracle apart from the project's own code: detector and both expression networks run
in ONNX Runtime, and their probabilities are averaged (no mirror, no smoothing).
Needs onnxruntime, numpy and opencv-python-headless.

    timeline.py CLIP FPS DETECTOR.onnx FACEAPI.onnx FER.onnx
"""

import sys

import cv2
import numpy as np
import onnxruntime as ort

LABELS = "neutral happy sad angry fearful disgusted surprised".split()
FER_TO_LABELS = [6, 3, 4, 0, 2, 1, 5]


def session(path):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def faces(net, frame, threshold=0.6):
    """Boxes (score, x, y, width, height), best first, after non-maximum suppression at 0.4."""
    h, w = frame.shape[:2]
    padded = np.zeros((-(-h // 32) * 32, -(-w // 32) * 32, 3), np.float32)
    padded[:h, :w] = frame
    names = [o.name for o in net.get_outputs()]
    raw = dict(zip(names, net.run(None, {net.get_inputs()[0].name: padded.transpose(2, 0, 1)[None]})))
    found = []
    for s in (8, 16, 32):
        score = np.sqrt(raw[f"cls_{s}"].ravel().clip(0, 1) * raw[f"obj_{s}"].ravel().clip(0, 1))
        boxes = raw[f"bbox_{s}"].reshape(-1, 4)
        for i in np.flatnonzero(score > threshold):
            row, col = divmod(i, padded.shape[1] // s)
            bw, bh = np.exp(boxes[i, 2:]) * s
            found.append((score[i], (col + boxes[i, 0]) * s - bw / 2, (row + boxes[i, 1]) * s - bh / 2, bw, bh))
    found.sort(key=lambda b: -b[0])
    kept = []
    for box in found:
        if all(iou(box, other) < 0.4 for other in kept):
            kept.append(box)
    return kept


def iou(a, b):
    w = max(0, min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1]))
    h = max(0, min(a[2] + a[4], b[2] + b[4]) - max(a[2], b[2]))
    return w * h / (a[3] * a[4] + b[3] * b[4] - w * h)


def square(frame, box, grow, side):
    """The square around the box, grown, resampled to side x side."""
    full = max(box[3], box[4]) * grow
    cx, cy = box[1] + box[3] / 2, box[2] + box[4] / 2
    cut = cv2.warpAffine(frame, np.float32([[1, 0, full / 2 - cx], [0, 1, full / 2 - cy]]), (round(full),) * 2)
    return cv2.resize(cut, (side, side), interpolation=cv2.INTER_AREA if full > side else cv2.INTER_LINEAR)


def run(net, image):
    """Probabilities for one height x width x channels image; the layout is read off the network."""
    entry = net.get_inputs()[0]
    batch = image[None] if entry.shape[-1] == image.shape[2] else image.transpose(2, 0, 1)[None]
    out = net.run(None, {entry.name: np.ascontiguousarray(batch)})[0].ravel()
    if abs(out.sum() - 1) < 1e-3 and out.min() >= 0:
        return out
    out = np.exp(out - out.max())
    return out / out.sum()


def expression(faceapi, fer, frame, box):
    colour = square(frame, box, 1.05, 112)[:, :, ::-1].astype(np.float32)
    grey = cv2.cvtColor(square(frame, box, 1.0, 64), cv2.COLOR_BGR2GRAY).astype(np.float32)
    grey = ((grey / 255 - 0.5) * 2)[:, :, None]
    return (run(faceapi, colour) + run(fer, grey)[FER_TO_LABELS]) / 2


def frames(path):
    """JPEGs laid end to end, cut at their markers."""
    data = open(path, "rb").read()
    for part in data.split(b"\xff\xd8\xff")[1:]:
        yield cv2.imdecode(np.frombuffer(b"\xff\xd8\xff" + part, np.uint8), cv2.IMREAD_COLOR)


def longest(rows, label, above):
    """Longest unbroken run of frames whose probability of `label` is above, as (first, length)."""
    best, start = (0, 0), None
    for i, row in enumerate([*rows, None]):
        if row is not None and row[0] is not None and row[0][LABELS.index(label)] > above:
            start = i if start is None else start
        elif start is not None:
            best, start = max(best, (start, i - start), key=lambda r: r[1]), None
    return best


def main():
    clip, fps = sys.argv[1], float(sys.argv[2])
    detector, faceapi, fer = map(session, sys.argv[3:6])
    rows = []
    for frame in frames(clip):
        found = faces(detector, frame)
        if found:
            box = max(found, key=lambda b: b[3] * b[4])
            rows.append((expression(faceapi, fer, frame, box), box, len(found)))
        else:
            rows.append((None, None, 0))
    print("timeline = [")
    for second in range(int(np.ceil(len(rows) / fps))):
        part = rows[round(second * fps) : round((second + 1) * fps)]
        seen = [r for r in part if r[2]]
        line = f"  {{ second = {second}, frames = {len(part)}, frames_with_face = {len(seen)}"
        if seen:
            p = np.mean([r[0] for r in seen], axis=0)
            width = np.mean([r[1][3] for r in seen])
            line += f', face_width = {width:.0f}, top = "{LABELS[p.argmax()]}"'
            line += "".join(f", {n} = {p[LABELS.index(n)]:.2f}" for n in ("neutral", "happy", "surprised"))
        print(line + " },")
    print("]")
    for label, above in (("neutral", 0.5), ("happy", 0.7), ("surprised", 0.5)):
        first, length = longest(rows, label, above)
        print(f"# longest {label} > {above}: from {first / fps:.2f} s for {length / fps:.2f} s")
    print(f"# most faces in one frame: {max(r[2] for r in rows)}")


if __name__ == "__main__":
    main()
