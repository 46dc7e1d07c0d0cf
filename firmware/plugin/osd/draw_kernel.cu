#include "draw_kernel.h"

namespace nj::osd {

namespace {

// A block draws one tile, a thread one quad of it.
constexpr int kQuadsAcross = 32, kQuadsDown = 8;
constexpr uint32_t kThreads = kQuadsAcross * kQuadsDown;
constexpr uint32_t kWarps = kThreads / 32;

__device__ bool touches(const DrawCommand &command, int left, int top) {
  return command.left < left + 2 * kQuadsAcross && command.right > left && command.top < top + 2 * kQuadsDown &&
         command.bottom > top;
}

// Of the kThreads commands from `first` on, those that touch the tile, in their order; each thread looks at one.
__device__ uint32_t find_commands(const DrawPicture &picture, const DrawCommand *commands, uint32_t first, int left,
                                  int top, uint32_t *found, uint32_t *counts) {
  const uint32_t own = first + threadIdx.x, warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const bool hit = own < picture.count && touches(commands[own], left, top);
  const uint32_t hits = __ballot_sync(~0u, hit);
  if (lane == 0) counts[warp] = __popc(hits);
  __syncthreads();
  uint32_t before = 0, total = 0;
  for (uint32_t i = 0; i < kWarps; ++i) {
    before += i < warp ? counts[i] : 0;
    total += counts[i];
  }
  if (hit) found[before + __popc(hits & ((1u << lane) - 1))] = own;
  __syncthreads();
  return total;
}

__global__ void __launch_bounds__(kThreads) draw(DeviceDrawList list) {
  __shared__ uint32_t found[kThreads], counts[kWarps];
  const DrawPicture &picture = list.pictures[blockIdx.z];
  const int left = static_cast<int>(blockIdx.x) * 2 * kQuadsAcross, top = static_cast<int>(blockIdx.y) * 2 * kQuadsDown;
  if (left >= picture.width || top >= picture.height) return;
  const int x = left + 2 * static_cast<int>(threadIdx.x % kQuadsAcross),
            y = top + 2 * static_cast<int>(threadIdx.x / kQuadsAcross);
  const bool inside = x < picture.width && y < picture.height;
  const DrawCommand *commands = list.commands + picture.first;
  Quad quad;
  bool loaded = false, changed = false;
  for (uint32_t first = 0; first < picture.count; first += kThreads) {
    const uint32_t count = find_commands(picture, commands, first, left, top, found, counts);
    if (inside && count > 0 && !loaded) {
      load_quad(picture, x, y, &quad);
      loaded = true;
    }
    for (uint32_t i = 0; inside && i < count; ++i)
      changed |= draw_on_quad(picture, commands[found[i]], list.items, x, y, &quad);
    __syncthreads();  // before `found` is written again
  }
  if (changed) store_quad(picture, x, y, quad);
}

}  // namespace

cudaError_t launch_draw(const DeviceDrawList &list, cudaStream_t stream) {
  if (list.picture_count == 0) return cudaSuccess;
  const dim3 grid((list.width + 2 * kQuadsAcross - 1) / (2 * kQuadsAcross),
                  (list.height + 2 * kQuadsDown - 1) / (2 * kQuadsDown), list.picture_count);
  draw<<<grid, kThreads, 0, stream>>>(list);
  return cudaGetLastError();
}

}  // namespace nj::osd
