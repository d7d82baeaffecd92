"""SFace: int8 weights kept as stored and expanded by plain operators that a runtime folds when it loads.

Batch norms go into the block scales and into biases, so that little more than `Conv`, the rewritten
PReLU and one `Gemm` remains at run time.
"""

import math

import numpy as np
import onnx

from graph import Graph, attributes, batch_norm
from int8bq import Blocks, split


def build(sources: list[bytes]) -> bytes:
    model = onnx.load_from_string(sources[0])
    nodes, constants, blocks = split(model)
    return _Converter(nodes, constants, blocks).run()


class _Converter:
    def __init__(self, nodes, constants, blocks):
        self.nodes = [n for n in nodes if n.op_type != "Dropout"]
        renamed = {n.output[0]: n.input[0] for n in nodes if n.op_type == "Dropout"}
        for node in self.nodes:
            for index, name in enumerate(node.input):
                node.input[index] = renamed.get(name, name)
        self.constants, self.blocks = constants, blocks
        by_output = {n.output[0]: n for n in self.nodes}
        self.middle = next(n for n in self.nodes if n.op_type == "BatchNormalization" and by_output[n.input[0]].op_type == "PRelu")
        self.by_input = {n.input[0]: n for n in self.nodes}
        self.graph = Graph("sface_2021dec_int8")

    def run(self) -> bytes:
        self.graph.input("data", ["batch", 3, 112, 112])
        for node in self.nodes:
            getattr(self, "_" + node.op_type.lower())(node)
        self.graph.output("fc1", ["batch", 128])
        return self.graph.bytes()

    def _sub(self, node):
        self.graph.op(node.op_type, [node.input[0], self.graph.f32(node.output[0] + ".by", self.constants[node.input[1]])], node.output[0])

    _mul = _sub

    def _flatten(self, node):
        self.graph.op("Flatten", [node.input[0]], node.output[0], axis=1)

    def _prelu(self, node):
        self.graph.prelu(node.input[0], node.output[0], self.constants[node.input[1]])

    def _batchnormalization(self, node):
        """Folded into the layer before it, but for the one that follows a PReLU.

        The scale of that one stays as a multiplication: some of its channels are negative, so it
        does not pass through the PReLU, and they do not fall on the block borders of the last layer.
        """
        if node is self.middle:
            scale, _ = self._norm(node)
            self.graph.op("Mul", [node.input[0], self.graph.f32(node.output[0] + ".scale", scale.reshape(-1, 1, 1))], node.output[0])

    def _conv(self, node):
        found = attributes(node)
        norm = self.by_input[node.output[0]]
        scale, shift = self._norm(norm)
        name = node.output[0]
        blocks = self.blocks.get(node.input[1])
        if blocks is None:
            kernel = self.constants[node.input[1]] * scale.reshape(-1, 1, 1, 1)
        else:
            kernel = (self._expansion(name, blocks, scale), blocks.shape)
        self.graph.conv(node.input[0], norm.output[0], kernel, shift, found["strides"][0], found["pads"], found["group"])

    def _gemm(self, node):
        """The last layer, with the shift of the norm before it and all of the norm after it."""
        _, t = self._norm(self.middle)
        after = self.by_input[node.output[0]]
        scale, shift = self._norm(after)
        blocks = self.blocks[node.input[1]]
        weight = blocks.expand().astype(np.float64)
        spread = np.repeat(t, weight.shape[1] // t.size)
        # Correctly rounded sums: the same bytes on every machine.
        moved = np.array([math.fsum(row * spread) for row in weight])
        bias = (self.blocks[node.input[2]].expand().astype(np.float64) + moved) * scale + shift
        name = node.output[0]
        expanded = self._expansion(name, blocks, scale)
        self.graph.op("Gemm", [node.input[0], expanded, self.graph.f32(name + ".bias", bias)], after.output[0], transB=1)

    def _norm(self, node):
        gamma, beta, mean, variance = (self.constants[k] for k in node.input[1:5])
        return batch_norm(gamma, beta, mean, variance, attributes(node)["epsilon"])

    def _expansion(self, name, blocks: Blocks, channel_scale) -> str:
        """Nodes that turn the stored int8 into f32 weights, each output channel times `channel_scale`."""
        rows, length = blocks.stored.shape
        n_blocks = blocks.scale.shape[1]
        if blocks.axis != 1 or length % n_blocks:
            raise ValueError(f"{name}: uneven blocks")
        g = self.graph
        x = g.const(name + ".int8", blocks.stored.reshape(rows, n_blocks, length // n_blocks))
        x = g.op("Cast", [x], name + ".float", to=onnx.TensorProto.FLOAT)
        if blocks.zero_point.any():
            zero = g.const(name + ".zero_int8", blocks.zero_point.reshape(rows, n_blocks, 1))
            zero = g.op("Cast", [zero], name + ".zero", to=onnx.TensorProto.FLOAT)
            x = g.op("Sub", [x, zero], name + ".centered")
        scale = blocks.scale.astype(np.float64) * channel_scale.reshape(-1, 1)
        x = g.op("Mul", [x, g.f32(name + ".block_scale", scale.reshape(rows, n_blocks, 1))], name + ".scaled")
        return g.op("Reshape", [x, g.i64(name + ".shape", list(blocks.shape))], name + ".expanded")
