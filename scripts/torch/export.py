"""Makes a model for the Torch engine of njinfer: an AOTInductor package (.pt2) or TorchScript (.ts).

usage: python3 scripts/torch/export.py MODEL.onnx OUT.pt2 [--half] [--max-batch 32] [--size 640x640]
       python3 scripts/torch/export.py FILE.py:FUNCTION OUT.pt2 …      FUNCTION() gives a torch.nn.Module

Needs PyTorch with CUDA, of the version whose libtorch the plugin runs with, and an NVIDIA GPU of the kind that will run
it: a package holds code for it. --half computes in float16 on a float16 picture; outputs stay float32. The batch axis is
open, 1 to --max-batch. What bundle.yaml has to say of the model is printed.
"""
import argparse
import importlib.util
import os
import sys

import torch

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


class InHalf(torch.nn.Module):
    """float16 inside, float32 out."""

    def __init__(self, module):
        super().__init__()
        self.module = module.half()

    def forward(self, picture):
        return tuple(output.float() for output in as_tuple(self.module(picture)))


def as_tuple(outputs):
    return tuple(outputs) if isinstance(outputs, (tuple, list)) else (outputs,)


def load(source):
    """The module, its picture [C, H, W] and the names of its outputs as far as they are known."""
    if source.endswith(".onnx"):
        import from_onnx

        return from_onnx.load(source)
    path, _, function = source.partition(":")
    spec = importlib.util.spec_from_file_location("model", path)
    holder = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(holder)
    return getattr(holder, function)().eval(), [3, None, None], []


def export_package(module, example, max_batch, path):
    batch = torch.export.Dim("batch", min=1, max=max_batch)
    program = torch.export.export(module, (example,), dynamic_shapes=({0: batch},))
    torch._inductor.aoti_compile_and_package(program, package_path=path)


def largest_difference(module, path, example):
    loaded = torch._inductor.aoti_load_package(path) if path.endswith(".pt2") else torch.jit.load(path)
    worst = 0.0
    for size in (1, 2):
        expected, got = as_tuple(module(example[:size])), as_tuple(loaded(example[:size]))
        worst = max([worst] + [float((a - b).abs().max() / a.abs().max().clamp(min=1)) for a, b in zip(expected, got)])
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source")
    parser.add_argument("out")
    parser.add_argument("--half", action="store_true")
    parser.add_argument("--max-batch", type=int, default=32)
    parser.add_argument("--size", default="")
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args()
    module, (channels, height, width), names = load(options.source)
    if options.size:
        width, height = (int(side) for side in options.size.split("x"))
    if not (height and width):
        sys.exit(f"{options.source}: the size of the picture is open: say it with --size WIDTHxHEIGHT")
    module = (InHalf(module) if options.half else module).to(options.device).eval()
    kind = torch.float16 if options.half else torch.float32
    example = torch.rand(min(2, options.max_batch), channels or 3, height, width, device=options.device, dtype=kind)
    with torch.no_grad():
        outputs = as_tuple(module(example))
        if options.out.endswith(".pt2"):
            export_package(module, example, options.max_batch, options.out)
        else:
            torch.jit.trace(module, example, check_trace=False).save(options.out)
        difference = largest_difference(module, options.out, example)
    print(f"# largest difference to the model before the export: {difference:.2e}")
    if difference > (0.05 if options.half else 0.02):
        sys.exit(f"{options.out}: gives something else than {options.source}")
    engine = "torch" if options.out.endswith(".pt2") else "torchscript"
    print(f"model: {{file: {os.path.basename(options.out)}, engine: {engine}}}")
    print(f"input: {{width: {width}, height: {height}, dtype: {'float16' if options.half else 'float32'}}}")
    print("outputs:")
    for i, output in enumerate(outputs):
        name = names[i] if i < len(names) else f"output{i}"
        print(f"  {name}: {{dtype: {str(output.dtype).split('.')[1]}, dims: {list(output.shape[1:])}}}")


if __name__ == "__main__":
    main()
