"""YuNet: block-quantized weights expanded to f32, height and width left open."""

import onnx

from graph import Graph, attributes
from int8bq import split


def build(sources: list[bytes]) -> bytes:
    model = onnx.load_from_string(sources[0])
    nodes, constants, blocks = split(model)
    graph = Graph("yunet_2023mar")
    graph.input("input", [1, 3, "height", "width"])
    known: set[str] = set()
    for node in nodes:
        for name in node.input:
            if name in known or name not in constants and name not in blocks:
                continue
            known.add(name)
            value = blocks[name].expand() if name in blocks else constants[name]
            if node.op_type == "Reshape":
                # Packaged for 640 by 640: the number of cells is fixed there and open here.
                value = value.copy()
                value[1] = -1
            graph.const(name, value)
        graph.op(node.op_type, list(node.input), node.output[0], **attributes(node))
    for output in model.graph.output:
        channels = output.type.tensor_type.shape.dim[2].dim_value
        graph.output(output.name, [1, "cells_" + output.name.rsplit("_", 1)[1], channels])
    return graph.bytes()
