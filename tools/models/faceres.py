"""Age network of the `human` package: a MobileNet whose other outputs are left behind.

The packaged graph also predicts gender and gives a face descriptor. Neither output, nor any weight
that only they use, is carried over. Weights stay in half precision and are widened when loaded.
"""

import json

import numpy as np
import onnx

from graph import Graph, same_pads
from tfjs import load_weights

SIDE = 224
AGES = 100
N_BLOCKS = 13
STRIDE_TWO = {2, 4, 6, 12}


def build(sources: list[bytes]) -> bytes:
    document = json.loads(sources[0])
    weights = load_weights(document["weightsManifest"], sources[1])
    _verify(document["modelTopology"]["node"], weights)
    graph = Graph("faceres_age")
    graph.input("input", ["batch", SIDE, SIDE, 3])
    graph.f32("zero", np.array(0.0))
    graph.f32("six", np.array(6.0))
    x = graph.op("Transpose", ["input"], "channels_first", perm=[0, 3, 1, 2])
    x = _full(graph, weights, x, "conv1", "conv1_bn", "conv1/convolution/merged_input", 2, same_pads(SIDE, 3, 2))
    size = SIDE // 2
    for index in range(1, N_BLOCKS + 1):
        stride = 2 if index in STRIDE_TWO else 1
        x = _depthwise(graph, weights, x, f"conv_dw_{index}", stride, same_pads(size, 3, stride))
        size //= stride
        x = _full(graph, weights, x, f"conv_pw_{index}", f"conv_pw_{index}_bn", f"conv_pw_{index}/convolution/merged_input", 1, (0, 0, 0, 0))
    x = graph.op("GlobalAveragePool", [x], "pooled")
    x = graph.op("Flatten", [x], "pooled_flat", axis=1)
    x = graph.op("Relu", [_dense(graph, weights, x, "feats")], "feats.relu")
    x = _dense(graph, weights, x, "age_pred")
    graph.op("Softmax", [x], "age", axis=1)
    graph.output("age", ["batch", AGES])
    return graph.bytes()


def _verify(nodes, weights):
    """The packaged graph has the shape that `build` writes down."""
    counts: dict[str, int] = {}
    for node in nodes:
        counts[node["op"]] = counts.get(node["op"], 0) + 1
        if node["op"] in ("Conv2D", "DepthwiseConv2dNative"):
            strides = [int(i) for i in node["attr"]["strides"]["list"]["i"]]
            block = int(node["name"].split("_")[2].split("/")[0]) if node["name"].startswith("conv_dw") else 0
            expected = 2 if node["name"].startswith("conv1_") or block in STRIDE_TWO else 1
            if strides != [1, expected, expected, 1] or node["attr"]["padding"]["s"] != "U0FNRQ==":
                raise ValueError(f"{node['name']}: unexpected stride or padding")
    if (counts["Conv2D"], counts["DepthwiseConv2dNative"], counts["_FusedMatMul"]) != (14, 13, 3):
        raise ValueError("the packaged graph has changed")
    for name, value in weights.items():
        if name.endswith("_relu/Cast") and float(value) != 6.0 or name.endswith("_relu/Const_1") and float(value) != 0.0:
            raise ValueError(f"{name}: unexpected clip")
    if weights["global_pooling/Mean/reduction_indices"].tolist() != [1, 2]:
        raise ValueError("pooling over unexpected axes")


def _half(graph, name, value) -> str:
    """A half-precision constant, widened."""
    return graph.op("Cast", [graph.const(name + ".half", value)], name, to=onnx.TensorProto.FLOAT)


def _full(graph, weights, x, name, norm, kernel_name, stride, pads):
    kernel = weights[kernel_name].transpose(3, 2, 0, 1)
    kernel = (_half(graph, name + ".weight", kernel), kernel.shape)
    y = graph.conv(x, name, kernel, weights[f"{norm}/batchnorm_1/sub"], stride, pads)
    return graph.op("Clip", [y, "zero", "six"], name + ".relu6")


def _depthwise(graph, weights, x, name, stride, pads):
    kernel = weights[f"{name}/depthwise_kernel"].astype(np.float64).transpose(2, 3, 0, 1)
    kernel = kernel * weights[f"{name}_bn/batchnorm_1/mul"].astype(np.float64).reshape(-1, 1, 1, 1)
    y = graph.conv(x, name, kernel, weights[f"{name}_bn/batchnorm_1/sub"], stride, pads, kernel.shape[0])
    return graph.op("Clip", [y, "zero", "six"], name + ".relu6")


def _dense(graph, weights, x, name):
    kernel = _half(graph, name + ".weight", weights[f"{name}/kernel"])
    return graph.op("Gemm", [x, kernel, graph.f32(name + ".bias", weights[f"{name}/bias"])], name)
