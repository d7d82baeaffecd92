"""Runs a network on OpenVINO twice for every line on standard input and prints the milliseconds the second run took.

usage: openvino_turns.py MODEL THREADS SIZE...      (pip install openvino)

The input is the one of `cargo xtask bench inference`: n modulo 251, over 251.
"""

import sys
import time

import numpy
import openvino

model, threads, *shape = sys.argv[1:]
shape = [int(size) for size in shape]
core = openvino.Core()
network = core.read_model(model)
network.reshape({network.inputs[0]: shape})
settings = {"INFERENCE_NUM_THREADS": int(threads), "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"}
request = core.compile_model(network, "CPU", settings).create_infer_request()
values = numpy.arange(numpy.prod(shape)) % 251 / 251
request.set_input_tensor(openvino.Tensor(values.astype(numpy.float32).reshape(shape)))
print(openvino.__version__, flush=True)
for _ in sys.stdin:
    # The first wakes its threads and fills the caches, which others have used meanwhile.
    request.infer()
    began = time.perf_counter()
    request.infer()
    print((time.perf_counter() - began) * 1e3, flush=True)
