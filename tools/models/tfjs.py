"""Weights as TensorFlow.js packs them: a JSON manifest and one binary, quantized or in half precision."""

import numpy as np

STORED = {"float32": "<f4", "float16": "<f2", "int32": "<i4", "uint8": "u1", "uint16": "<u2"}


def load_weights(groups: list[dict], binary: bytes) -> dict[str, np.ndarray]:
    """Tensors by name. Affine quantization is undone; half precision is kept as stored."""
    weights: dict[str, np.ndarray] = {}
    offset = 0
    for group in groups:
        for entry in group["weights"]:
            quantization = entry.get("quantization")
            stored = quantization["dtype"] if quantization else entry["dtype"]
            count = int(np.prod(entry["shape"], dtype=np.int64))
            value = np.frombuffer(binary, STORED[stored], count, offset)
            offset += value.nbytes
            if quantization and "scale" in quantization:
                value = (value.astype(np.float64) * quantization["scale"] + quantization["min"]).astype(np.float32)
            weights[entry["name"]] = value.reshape(entry["shape"])
    if offset != len(binary):
        raise ValueError(f"weights end at byte {offset} of {len(binary)}")
    return weights
