"""Reference outputs: what a network answers to an input that anyone can write down again.

The input is made by a linear congruential generator, so that a test in any language rebuilds it bit
for bit; see `models/reference/README.md`. The outputs are those of ONNX Runtime on one thread.
"""

import dataclasses
import json
import math

import numpy as np
import onnxruntime

SEED = 1
# Probabilities near nought are rounding of a logit; a smaller largest value counts as this one.
LEAST_MAX_ABS = 0.01
MAX_VALUES = 256


@dataclasses.dataclass
class Probe:
    """Shape and range of the made-up input of one network."""

    shape: tuple[int, ...]
    low: float
    high: float


# Two images each, to exercise the batch; the detector takes one, which is not square.
PROBES = {
    "yunet-2023mar": Probe((1, 3, 96, 128), 0.0, 255.0),
    "sface-2021dec-int8": Probe((2, 3, 112, 112), 0.0, 255.0),
    "faceapi-expression": Probe((2, 3, 112, 112), 0.0, 255.0),
    "fer-mini-xception": Probe((2, 64, 64, 1), -1.0, 1.0),
    "mediapipe-face-mesh-468": Probe((2, 192, 192, 3), 0.0, 1.0),
    "faceres-age": Probe((2, 224, 224, 3), -110.0, 140.0),
}


def make_input(probe: Probe, seed: int = SEED) -> np.ndarray:
    state = seed
    units = np.empty(math.prod(probe.shape), dtype=np.float64)
    for index in range(units.size):
        state = (state * 1664525 + 1013904223) % 2**32
        units[index] = (state >> 8) / 2**24
    return (probe.low + (probe.high - probe.low) * units).astype(np.float32).reshape(probe.shape)


def session(model: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run(model: bytes, x: np.ndarray) -> dict[str, np.ndarray]:
    runtime = session(model)
    names = [o.name for o in runtime.get_outputs()]
    return dict(zip(names, runtime.run(names, {runtime.get_inputs()[0].name: x})))


def describe(model_id: str, file: str, sha256: str, model: bytes) -> dict:
    probe = PROBES[model_id]
    outputs = []
    for name, value in run(model, make_input(probe)).items():
        flat = value.reshape(-1)
        stride = -(-flat.size // MAX_VALUES)
        outputs.append({
            "name": name,
            "shape": list(value.shape),
            "len": int(flat.size),
            "sum": float(flat.astype(np.float64).sum()),
            "max_abs": float(np.abs(flat).max()),
            "stride": stride,
            "values": [float(v) for v in flat[::stride]],
        })
    return {
        "id": model_id,
        "file": file,
        "sha256": sha256,
        "input": {"name": session(model).get_inputs()[0].name, "shape": list(probe.shape), "low": probe.low, "high": probe.high, "seed": SEED},
        "outputs": outputs,
    }


def to_json(description: dict) -> str:
    """JSON with plain decimal numbers, one output a line."""
    outputs = description["outputs"]
    head = {k: v for k, v in description.items() if k != "outputs"}
    lines = ["{"]
    lines += [f"  {json.dumps(k)}: {_plain(v)}," for k, v in head.items()]
    lines.append('  "outputs": [')
    lines += [f"    {_plain(o)}{',' if i + 1 < len(outputs) else ''}" for i, o in enumerate(outputs)]
    lines += ["  ]", "}"]
    return "\n".join(lines) + "\n"


def _plain(value) -> str:
    if isinstance(value, float):
        # The shortest decimal that reads back as the same f32.
        return np.format_float_positional(np.float32(value), unique=True, trim="0")
    if isinstance(value, list):
        return "[" + ", ".join(_plain(v) for v in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)}: {_plain(v)}" for k, v in value.items()) + "}"
    return json.dumps(value)


def differences(expected: dict, found: dict, tolerance: float) -> list[str]:
    """Outputs that differ by more than `tolerance` of the largest value of that output."""
    problems = []
    if expected["sha256"] != found["sha256"]:
        problems.append("reference was made from another file")
    if expected["input"] != found["input"]:
        problems.append("reference was made from another input")
    if [o["name"] for o in expected["outputs"]] != [o["name"] for o in found["outputs"]]:
        return problems + ["outputs have other names"]
    for old, new in zip(expected["outputs"], found["outputs"]):
        if old["shape"] != new["shape"]:
            problems.append(f"{old['name']}: shape {new['shape']}, recorded {old['shape']}")
            continue
        worst = max(abs(a - b) for a, b in zip(old["values"], new["values"], strict=True))
        if worst > tolerance * max(old["max_abs"], LEAST_MAX_ABS):
            problems.append(f"{old['name']}: differs by {worst:.3g}, largest value {old['max_abs']:.3g}")
    return problems
