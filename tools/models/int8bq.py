"""Block-quantized weights of the OpenCV model zoo.

A tensor is stored flattened to `[out, rest]` as int8; every run of `block_size` values along one axis
has a scale and a zero point: `weight = (stored - zero_point) * scale`. The graphs feed them through
`DequantizeLinear` (and a `Reshape` back to four dimensions), a form that few runtimes load.
"""

import dataclasses

import numpy as np
import onnx
from onnx import numpy_helper

from graph import attributes


@dataclasses.dataclass
class Blocks:
    """One block-quantized tensor. `shape` is the shape that the consumer sees."""

    stored: np.ndarray
    scale: np.ndarray
    zero_point: np.ndarray
    axis: int
    block_size: int
    shape: tuple[int, ...]

    def expand(self) -> np.ndarray:
        scale, zero_point = self._spread(self.scale), self._spread(self.zero_point)
        values = (self.stored.astype(np.int32) - zero_point.astype(np.int32)).astype(np.float32) * scale
        return values.astype(np.float32).reshape(self.shape)

    def _spread(self, per_block: np.ndarray) -> np.ndarray:
        length = self.stored.shape[self.axis]
        if per_block.ndim == 1 and per_block.size == 1:
            return np.broadcast_to(per_block.reshape([1] * self.stored.ndim), self.stored.shape)
        return np.repeat(per_block, self.block_size, axis=self.axis).take(range(length), axis=self.axis)


def split(model: onnx.ModelProto) -> tuple[list[onnx.NodeProto], dict[str, np.ndarray], dict[str, Blocks]]:
    """The graph's computing nodes, its plain constants, and its block-quantized ones by final name."""
    constants = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
    blocks: dict[str, Blocks] = {}
    nodes = []
    for node in model.graph.node:
        if node.op_type == "Constant":
            constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        elif node.op_type == "DequantizeLinear":
            found = attributes(node)
            stored, scale, zero_point = (constants[name] for name in node.input)
            blocks[node.output[0]] = Blocks(stored, scale, zero_point, found["axis"], found["block_size"], stored.shape)
        elif node.op_type == "Reshape" and node.input[0] in blocks:
            shape = tuple(int(d) for d in constants[node.input[1]])
            blocks[node.output[0]] = dataclasses.replace(blocks[node.input[0]], shape=shape)
        else:
            nodes.append(node)
    return nodes, constants, blocks
