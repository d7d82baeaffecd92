"""MediaPipe's dense face mesh: a TensorFlow Lite graph rewritten operator by operator."""

import numpy as np
import tflite

from graph import Graph, same_pads

TYPES = {tflite.TensorType.FLOAT32: "<f4", tflite.TensorType.FLOAT16: "<f2", tflite.TensorType.INT32: "<i4"}
OPERATORS = {value: name for name, value in vars(tflite.BuiltinOperator).items() if isinstance(value, int)}


def build(sources: list[bytes]) -> bytes:
    return _Converter(tflite.Model.GetRootAs(sources[0], 0)).run()


class _Converter:
    def __init__(self, model):
        self.model = model
        self.source = model.Subgraphs(0)
        self.graph = Graph("mediapipe_face_mesh_468")
        self.constants: dict[int, np.ndarray] = {}
        # Name in the new graph, channels first, of each tensor of the old one, channels last.
        self.names: dict[int, str] = {}

    def run(self) -> bytes:
        (start,) = self.source.InputsAsNumpy()
        _, height, width, channels = self.source.Tensors(start).ShapeAsNumpy()
        name = self._name(start)
        self.graph.input(name, ["batch", int(height), int(width), int(channels)])
        self.names[start] = self.graph.op("Transpose", [name], "channels_first", perm=[0, 3, 1, 2])
        for index in range(self.source.OperatorsLength()):
            self._operator(self.source.Operators(index))
        for end in self.source.OutputsAsNumpy():
            name = self._name(end)
            self.graph.op("Transpose", [self.names[end]], name, perm=[0, 2, 3, 1])
            self.graph.output(name, ["batch"] + [int(d) for d in self.source.Tensors(end).ShapeAsNumpy()[1:]])
        return self.graph.bytes()

    def _operator(self, operator):
        code = self.model.OperatorCodes(operator.OpcodeIndex())
        kind = OPERATORS[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        inputs = [int(i) for i in operator.InputsAsNumpy()]
        (output,) = (int(i) for i in operator.OutputsAsNumpy())
        if kind == "DEQUANTIZE":
            self.constants[output] = self._constant(inputs[0]).astype(np.float32)
            return
        name = self._name(output)
        if output in {int(i) for i in self.source.OutputsAsNumpy()}:
            name += ".channels_first"
        self.names[output] = getattr(self, "_" + kind.lower())(operator, inputs, name)

    def _conv_2d(self, operator, inputs, name):
        options = self._options(operator, tflite.Conv2DOptions())
        kernel = self._constant(inputs[1]).transpose(0, 3, 1, 2)
        return self._convolve(inputs, name, options, kernel, 1)

    def _depthwise_conv_2d(self, operator, inputs, name):
        options = self._options(operator, tflite.DepthwiseConv2DOptions())
        if options.DepthMultiplier() != 1:
            raise ValueError("depth multiplier")
        kernel = self._constant(inputs[1]).transpose(3, 0, 1, 2)
        return self._convolve(inputs, name, options, kernel, kernel.shape[0])

    def _convolve(self, inputs, name, options, kernel, group):
        if options.DilationHFactor() != 1 or options.StrideH() != options.StrideW():
            raise ValueError("dilation or uneven stride")
        pads = self._pads(inputs[0], options, kernel.shape[2])
        return self.graph.conv(self.names[inputs[0]], name, kernel, self._constant(inputs[2]), options.StrideH(), pads, group)

    def _max_pool_2d(self, operator, inputs, name):
        options = self._options(operator, tflite.Pool2DOptions())
        kernel, stride = options.FilterHeight(), options.StrideH()
        pads = self._pads(inputs[0], options, kernel)
        return self.graph.op("MaxPool", [self.names[inputs[0]]], name, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=list(pads))

    def _prelu(self, _operator, inputs, name):
        return self.graph.prelu(self.names[inputs[0]], name, self._constant(inputs[1]))

    def _add(self, operator, inputs, name):
        self._options(operator, tflite.AddOptions())
        return self.graph.op("Add", [self.names[i] for i in inputs], name)

    def _pad(self, _operator, inputs, name):
        last = self._constant(inputs[1])[[0, 3, 1, 2]]
        pads = self.graph.i64(name + ".pads", [int(p) for p in last[:, 0]] + [int(p) for p in last[:, 1]])
        return self.graph.op("Pad", [self.names[inputs[0]], pads], name)

    def _options(self, operator, options):
        table = operator.BuiltinOptions()
        options.Init(table.Bytes, table.Pos)
        if options.FusedActivationFunction() != tflite.ActivationFunctionType.NONE:
            raise ValueError("fused activation")
        return options

    def _pads(self, tensor, options, kernel):
        if options.Padding() == tflite.Padding.VALID:
            return (0, 0, 0, 0)
        _, height, width, _ = self.source.Tensors(tensor).ShapeAsNumpy()
        if height != width:
            raise ValueError("input is not square")
        return same_pads(int(height), kernel, options.StrideH())

    def _constant(self, index) -> np.ndarray:
        if index not in self.constants:
            tensor = self.source.Tensors(index)
            raw = self.model.Buffers(tensor.Buffer()).DataAsNumpy()
            self.constants[index] = np.frombuffer(raw.tobytes(), TYPES[tensor.Type()]).reshape(tensor.ShapeAsNumpy())
        return self.constants[index]

    def _name(self, index) -> str:
        return self.source.Tensors(index).Name().decode()
