"""Expression network of face-api: four densely connected blocks of separable convolutions."""

import json

import numpy as np

from graph import Graph, same_pads
from tfjs import load_weights

SIDE = 112
MEAN_RGB = [122.782, 117.001, 104.298]


def build(sources: list[bytes]) -> bytes:
    weights = load_weights(json.loads(sources[0]), sources[1])
    graph = Graph("faceapi_expression")
    graph.input("input", ["batch", 3, SIDE, SIDE])
    mean = graph.f32("mean_rgb", np.array(MEAN_RGB).reshape(1, 3, 1, 1))
    centered = graph.op("Sub", ["input", mean], "centered")
    x = graph.op("Mul", [centered, graph.f32("scale", np.array([1 / 255]))], "normalized")
    size = SIDE
    for index in range(4):
        x, size = _dense_block(graph, weights, x, f"dense{index}", size, first=index == 0)
    x = graph.op("AveragePool", [x], "pooled", kernel_shape=[7, 7], strides=[1, 1])
    x = graph.op("Flatten", [x], "features", axis=1)
    x = graph.op("Gemm", [x, graph.f32("fc.weight", weights["fc/weights"]), graph.f32("fc.bias", weights["fc/bias"])], "logits")
    graph.op("Softmax", [x], "output", axis=1)
    graph.output("output", ["batch", 7])
    return graph.bytes()


def _dense_block(graph, weights, x, name, size, first):
    """Four convolutions; each after the first sees the rectified sum of all before it."""
    if first:
        kernel = weights[f"{name}/conv0/filters"].transpose(3, 2, 0, 1)
        y = graph.conv(x, f"{name}.conv0", kernel, weights[f"{name}/conv0/bias"], 2, same_pads(size, 3, 2))
    else:
        y = _separable(graph, weights, x, f"{name}/conv0", size, 2)
    size = -(-size // 2)
    outputs = [graph.op("Relu", [y], f"{name}.relu0")]
    x = outputs[0]
    for index in (1, 2, 3):
        outputs.append(_separable(graph, weights, x, f"{name}/conv{index}", size, 1))
        # Summed from the newest to the oldest, as the package does, so that rounding agrees.
        total = outputs[-1]
        for age, earlier in enumerate(reversed(outputs[:-1])):
            total = graph.op("Add", [earlier, total], f"{name}.sum{index}.{age}")
        x = graph.op("Relu", [total], f"{name}.relu{index}")
    return x, size


def _separable(graph, weights, x, name, size, stride):
    depthwise = weights[f"{name}/depthwise_filter"].transpose(2, 3, 0, 1)
    pointwise = weights[f"{name}/pointwise_filter"].transpose(3, 2, 0, 1)
    label = name.replace("/", ".")
    y = graph.conv(x, f"{label}.depthwise", depthwise, None, stride, same_pads(size, 3, stride), depthwise.shape[0])
    return graph.conv(y, f"{label}.pointwise", pointwise, weights[f"{name}/bias"])
