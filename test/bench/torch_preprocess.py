"""The usual way from decoded frames to a network's input with PyTorch, for comparison with our kernel.

32 NV12 frames of 1080p in GPU memory: converted to RGB (one kernel each, as a video converter does), handed over by DLPack,
stacked, interpolated, padded, divided, as float16. In the clock: everything on the GPU, by CUDA events; medians of all
rounds. Prints JSON.

usage: python3 test/bench/torch_preprocess.py [--batch 32] [--rounds 50]      (needs torch and cupy)
"""
import argparse
import json

import cupy
import torch
import torch.nn.functional as F

WIDTH, HEIGHT, STRIDE, NETWORK = 1920, 1080, 2048, 640

CONVERT = cupy.RawKernel(r"""
extern "C" __global__ void convert(const unsigned char *nv12, unsigned char *rgb, int width, int height, int stride) {
  const int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
  if (x >= width || y >= height) return;
  const unsigned char *uv = nv12 + (size_t)stride * height + (size_t)(y / 2) * stride + (x & ~1);
  const float l = 1.164384f * (nv12[(size_t)y * stride + x] - 16), u = uv[0] - 128.f, v = uv[1] - 128.f;
  unsigned char *to = rgb + ((size_t)y * width + x) * 3;
  to[0] = min(max(l + 1.792741f * v, 0.f), 255.f);
  to[1] = min(max(l - 0.213249f * u - 0.532909f * v, 0.f), 255.f);
  to[2] = min(max(l + 2.112402f * u, 0.f), 255.f);
}
""", "convert")


def prepare(frames, pictures):
    for frame, picture in zip(frames, pictures):
        grid = ((WIDTH + 31) // 32, (HEIGHT + 7) // 8)
        CONVERT(grid, (32, 8), (frame, picture, WIDTH, HEIGHT, STRIDE))
    batch = torch.stack([torch.from_dlpack(picture) for picture in pictures])
    inner = round(HEIGHT * NETWORK / WIDTH)
    scaled = F.interpolate(batch.permute(0, 3, 1, 2).float(), size=(inner, NETWORK), mode="bilinear", align_corners=False)
    above = (NETWORK - inner) // 2
    return (F.pad(scaled, (0, 0, above, NETWORK - inner - above), value=114.0) / 255).half()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=50)
    options = parser.parse_args()
    stream = torch.cuda.current_stream()
    with cupy.cuda.ExternalStream(stream.cuda_stream):
        frames = [cupy.random.randint(0, 256, STRIDE * HEIGHT * 3 // 2, dtype=cupy.uint8) for _ in range(options.batch)]
        pictures = [cupy.empty((HEIGHT, WIDTH, 3), cupy.uint8) for _ in range(options.batch)]
        times = []
        for i in range(options.rounds + 5):
            begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            begin.record()
            prepare(frames, pictures)
            end.record()
            end.synchronize()
            if i >= 5:
                times.append(begin.elapsed_time(end))
    times.sort()
    name = f"preprocess of {options.batch} 1080p NV12 frames to 640x640 fp16 with PyTorch"
    print(json.dumps([{"name": name, "value": round(times[len(times) // 2], 4), "unit": "ms"}]))


if __name__ == "__main__":
    main()
