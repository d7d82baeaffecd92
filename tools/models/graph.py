"""A small writer of ONNX graphs, restricted to operators that every runtime of the project knows."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 13
IR_VERSION = 8
# Weights below this are dead. As denormals they would slow a convolution many times over.
DEAD_WEIGHT = 1e-15


class Graph:
    """An ONNX graph under construction. Tensors are referred to by name."""

    def __init__(self, name: str):
        self.name = name
        self.nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, np.ndarray] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, shape: list) -> str:
        self._inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        return name

    def output(self, name: str, shape: list) -> None:
        self._outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def const(self, name: str, value: np.ndarray) -> str:
        """An initializer; dead weights in it become zero."""
        value = np.ascontiguousarray(value)
        if value.dtype in (np.float32, np.float16):
            value = np.where(np.abs(value) < DEAD_WEIGHT, value.dtype.type(0), value)
        if name in self._constants:
            raise ValueError(f"constant {name} defined twice")
        self._constants[name] = value
        return name

    def f32(self, name: str, value: np.ndarray) -> str:
        return self.const(name, np.asarray(value, dtype=np.float64).astype(np.float32))

    def i64(self, name: str, value: list[int]) -> str:
        return self.const(name, np.array(value, dtype=np.int64))

    def op(self, kind: str, inputs: list[str], output: str, **attributes) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def conv(self, x, output, weight, bias=None, stride=1, pads=(0, 0, 0, 0), group=1) -> str:
        """A convolution. `weight` is the name of an OIHW tensor or an array; `pads` top, left, bottom, right."""
        if isinstance(weight, np.ndarray):
            shape = weight.shape
            weight = self.f32(output + ".weight", weight)
        else:
            weight, shape = weight
        inputs = [x, weight]
        if bias is not None:
            inputs.append(self.f32(output + ".bias", bias))
        return self.op("Conv", inputs, output, kernel_shape=list(shape[2:]), strides=[stride, stride],
                       dilations=[1, 1], pads=list(pads), group=group)

    def prelu(self, x: str, output: str, slope: np.ndarray) -> str:
        """PReLU as relu(x) - slope * relu(-x): the same values, and quicker than the operator."""
        channels = np.asarray(slope).reshape(-1, 1, 1)
        up = self.op("Relu", [x], output + ".up")
        down = self.op("Relu", [self.op("Neg", [x], output + ".neg")], output + ".down")
        scaled = self.op("Mul", [down, self.f32(output + ".slope", channels)], output + ".scaled")
        return self.op("Sub", [up, scaled], output)

    def bytes(self) -> bytes:
        """The checked model, serialized the same way every time."""
        used = {name for node in self.nodes for name in node.input}
        initializers = [numpy_helper.from_array(v, k) for k, v in self._constants.items() if k in used]
        graph = helper.make_graph(self.nodes, self.name, self._inputs, self._outputs, initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="regard-model-import")
        model.ir_version = IR_VERSION
        onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString(deterministic=True)


def same_pads(size: int, kernel: int, stride: int) -> tuple[int, int, int, int]:
    """Padding of TensorFlow's SAME for a square input: the odd pixel goes to the bottom right."""
    out = -(-size // stride)
    total = max((out - 1) * stride + kernel - size, 0)
    return (total // 2, total // 2, total - total // 2, total - total // 2)


def attributes(node: onnx.NodeProto) -> dict:
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def batch_norm(gamma, beta, mean, variance, epsilon) -> tuple[np.ndarray, np.ndarray]:
    """Scale and shift in double precision that a batch normalization applies to each channel."""
    scale = gamma.astype(np.float64) / np.sqrt(variance.astype(np.float64) + epsilon)
    return scale, beta.astype(np.float64) - mean.astype(np.float64) * scale
