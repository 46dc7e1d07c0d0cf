"""A torch module from an ONNX model: one node after the other, for the operators that detectors are exported with.

Weights become buffers. Shapes that the graph computes (Shape, Gather, Concat, Reshape) stay symbolic where the batch axis
is, so that the module can be exported with an open batch. An operator or an attribute that is not known ends with its name.
"""
import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper


class Unsupported(Exception):
    """The model has something that is not known here."""


def elementwise(operation):
    """Of tensors, or of the lists and numbers that shapes are computed with."""

    def run(_attributes, x, y):
        if not isinstance(x, list) and not isinstance(y, list):
            return operation(x, y)
        if isinstance(x, torch.Tensor) or isinstance(y, torch.Tensor):
            tensor = x if isinstance(x, torch.Tensor) else y
            as_tensor = [v if isinstance(v, torch.Tensor) else torch.tensor(v, device=tensor.device) for v in (x, y)]
            return operation(*as_tensor)
        count = max(len(v) for v in (x, y) if isinstance(v, list))
        wide = [v if isinstance(v, list) and len(v) == count else (v if isinstance(v, list) else [v]) * count for v in (x, y)]
        return [operation(a, b) for a, b in zip(*wide)]

    return staticmethod(run)


def divided(x, y):
    both_whole = not isinstance(x, (torch.Tensor, float)) and not isinstance(y, (torch.Tensor, float))
    return x // y if both_whole else x / y


class FromOnnx(torch.nn.Module):
    """Takes the model's one input, gives a tuple of its outputs in their order."""

    def __init__(self, model):
        super().__init__()
        graph = model.graph
        self.constants = {}  # small integer tensors: shapes, axes, sizes
        self.names = {}  # of buffers
        for item in graph.initializer:
            self._keep(item.name, numpy_helper.to_array(item))
        known = set(self.constants) | set(self.names)
        self.inputs = [item.name for item in graph.input if item.name not in known]
        if len(self.inputs) != 1:
            raise Unsupported(f"{len(self.inputs)} inputs ({', '.join(self.inputs)}), expected one picture")
        self.outputs = [item.name for item in graph.output]
        self.nodes = []
        for node in graph.node:
            attributes = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
            if node.op_type == "Constant":
                self._keep(node.output[0], numpy_helper.to_array(attributes["value"]))
                continue
            if node.op_type == "Resize":  # its factors are part of the graph's shape, not values to compute with
                self.constants.update({name: getattr(self, self.names[name]).tolist() for name in node.input[1:3] if name in self.names})
            if not hasattr(self, "op_" + node.op_type.lower()):
                raise Unsupported(f"the operator {node.op_type} (node {node.name}) is not supported")
            self.nodes.append((getattr(self, "op_" + node.op_type.lower()), list(node.input), list(node.output), attributes))

    def _keep(self, name, array):
        if array.dtype == np.int64 and array.size <= 64:
            self.constants[name] = array.tolist()
            return
        self.names[name] = f"value{len(self.names)}"
        self.register_buffer(self.names[name], torch.from_numpy(np.array(array)))

    def forward(self, picture):
        values = {self.inputs[0]: picture}

        def value(name):
            if name == "":
                return None
            if name in values:
                return values[name]
            return self.constants[name] if name in self.constants else getattr(self, self.names[name])

        for run, names, outputs, attributes in self.nodes:
            results = run(attributes, *[value(name) for name in names])
            values.update(zip(outputs, results if isinstance(results, tuple) else (results,)))
        return tuple(value(name) for name in self.outputs)

    @staticmethod
    def op_conv(a, x, weight, bias=None):
        kernel = weight.shape[2:]
        pads, steps = a.get("pads", [0] * 2 * len(kernel)), a.get("strides", [1] * len(kernel))
        if a.get("auto_pad", b"NOTSET") != b"NOTSET":
            raise Unsupported("Conv with auto_pad")
        begin, end = pads[: len(kernel)], pads[len(kernel):]
        if begin != end:
            x = F.pad(x, [p for pair in zip(reversed(begin), reversed(end)) for p in pair])
            begin = [0] * len(kernel)
        return F.conv2d(x, weight, bias, steps, list(begin), a.get("dilations", [1] * len(kernel)), a.get("group", 1))

    @staticmethod
    def op_maxpool(a, x):
        size = a["kernel_shape"]
        pads = a.get("pads", [0] * 4)
        if pads[:2] != pads[2:] or a.get("ceil_mode", 0):
            raise Unsupported("MaxPool with uneven pads or ceil_mode")
        return F.max_pool2d(x, list(size), a.get("strides", [1, 1]), list(pads[:2]), a.get("dilations", [1, 1]))

    @staticmethod
    def op_resize(a, x, _roi=None, scales=None, sizes=None):
        mode = {b"nearest": "nearest", b"linear": "bilinear"}[a.get("mode", b"nearest")]
        corners = {"align_corners": False} if mode == "bilinear" else {}
        if sizes is not None:
            return F.interpolate(x, size=list(sizes[2:]), mode=mode, **corners)
        return F.interpolate(x, scale_factor=[float(f) for f in scales[2:]], mode=mode, **corners)

    @staticmethod
    def op_split(a, x, sizes=None):
        axis = a.get("axis", 0)
        sizes = sizes if sizes is not None else a.get("split")
        if sizes is None:
            sizes = x.shape[axis] // a["num_outputs"]
        return tuple(torch.split(x, sizes, axis))

    @staticmethod
    def op_slice(a, x, starts=None, ends=None, axes=None, steps=None):
        starts, ends = starts or a["starts"], ends or a["ends"]
        axes, steps = axes or a.get("axes") or list(range(len(starts))), steps or [1] * len(starts)
        if isinstance(x, list):
            return x[starts[0]: ends[0]: steps[0]]
        for start, end, axis, step in zip(starts, ends, axes, steps):
            index = [slice(None)] * x.dim()
            index[axis] = slice(start, None if end >= 2**31 - 1 else end, step)
            x = x[tuple(index)]
        return x

    @staticmethod
    def op_concat(a, *parts):
        if all(isinstance(part, list) for part in parts):
            return [item for part in parts for item in part]
        return torch.cat(parts, a["axis"])

    @staticmethod
    def op_reshape(a, x, shape):
        return x.reshape([x.shape[i] if size == 0 else size for i, size in enumerate(shape)])

    @staticmethod
    def op_gather(a, x, index):
        if isinstance(x, list):
            return x[index] if isinstance(index, int) else [x[i] for i in index]
        axis = a.get("axis", 0)
        if isinstance(index, int):
            return x.select(axis, index)
        return torch.index_select(x, axis, torch.as_tensor(index, device=x.device))

    @staticmethod
    def op_unsqueeze(a, x, axes=None):
        if isinstance(x, (int, list)) or isinstance(x, torch.SymInt):
            return x if isinstance(x, list) else [x]
        for axis in axes or a["axes"]:
            x = x.unsqueeze(axis)
        return x

    @staticmethod
    def op_squeeze(a, x, axes=None):
        for axis in sorted(axes or a["axes"], reverse=True):
            x = x.squeeze(axis)
        return x

    @staticmethod
    def op_clip(a, x, low=None, high=None):
        return torch.clamp(x, low if low is not None else a.get("min"), high if high is not None else a.get("max"))

    @staticmethod
    def op_gemm(a, x, weight, bias=None):
        x, weight = (x.t() if a.get("transA") else x), (weight.t() if a.get("transB") else weight)
        result = a.get("alpha", 1.0) * (x @ weight)
        return result if bias is None else result + a.get("beta", 1.0) * bias

    @staticmethod
    def op_batchnormalization(a, x, scale, bias, mean, variance):
        return F.batch_norm(x, mean, variance, scale, bias, False, 0.0, a.get("epsilon", 1e-5))

    @staticmethod
    def op_cast(a, x):
        kinds = {1: torch.float32, 6: torch.int32, 7: torch.int64, 10: torch.float16}
        return x if isinstance(x, (list, int)) else x.to(kinds[a["to"]])

    op_shape = staticmethod(lambda a, x: list(x.shape))
    op_transpose = staticmethod(lambda a, x: x.permute(*a["perm"]))
    op_softmax = staticmethod(lambda a, x: torch.softmax(x, a.get("axis", -1)))
    op_flatten = staticmethod(lambda a, x: x.flatten(a.get("axis", 1)))
    op_expand = staticmethod(lambda a, x, shape: x.expand(*shape))
    op_reducesum = staticmethod(lambda a, x, axes=None: x.sum(axes or a["axes"], keepdim=bool(a.get("keepdims", 1))))
    op_reducemax = staticmethod(lambda a, x, axes=None: x.amax(axes or a["axes"], keepdim=bool(a.get("keepdims", 1))))
    op_reducemean = staticmethod(lambda a, x, axes=None: x.mean(axes or a["axes"], keepdim=bool(a.get("keepdims", 1))))
    op_add = elementwise(lambda x, y: x + y)
    op_sub = elementwise(lambda x, y: x - y)
    op_mul = elementwise(lambda x, y: x * y)
    op_div = elementwise(divided)
    op_pow = staticmethod(lambda a, x, y: x**y)
    op_matmul = staticmethod(lambda a, x, y: x @ y)
    op_relu = staticmethod(lambda a, x: F.relu(x))
    op_leakyrelu = staticmethod(lambda a, x: F.leaky_relu(x, a.get("alpha", 0.01)))
    op_sigmoid = staticmethod(lambda a, x: torch.sigmoid(x))
    op_hardsigmoid = staticmethod(lambda a, x: torch.clamp(x * a.get("alpha", 0.2) + a.get("beta", 0.5), 0, 1))
    op_hardswish = staticmethod(lambda a, x: F.hardswish(x))
    op_tanh = staticmethod(lambda a, x: torch.tanh(x))
    op_exp = staticmethod(lambda a, x: torch.exp(x))
    op_sqrt = staticmethod(lambda a, x: torch.sqrt(x))
    op_identity = staticmethod(lambda a, x: x)


def load(path):
    """The module of the ONNX file at `path`, and the shape [C, H, W] of its picture (None where an axis is open)."""
    model = onnx.load(path)
    module = FromOnnx(model).eval()
    picture = next(item for item in model.graph.input if item.name == module.inputs[0])
    dims = [dim.dim_value or None for dim in picture.type.tensor_type.shape.dim]
    return module, dims[1:], module.outputs
