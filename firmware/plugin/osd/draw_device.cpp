#include "draw_device.h"

#include <algorithm>
#include <cstring>

#include "draw_kernel.h"

namespace nj::osd {
namespace {

constexpr size_t kAlign = 256;

size_t aligned(size_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

template <typename Value>
size_t bytes_of(const std::vector<Value> &values) {
  return values.size() * sizeof(Value);
}

}  // namespace

// The texts travel with the list, without an atlas that would have to be kept in step: 20 labels are some 60 KB.
bool DrawDevice::draw(const DrawList &list, std::string *error) {
  if (list.commands.empty()) return true;
  const size_t commands_at = aligned(bytes_of(list.pictures)),
               items_at = commands_at + aligned(bytes_of(list.commands));
  const size_t bytes = items_at + list.items.size();
  if (!stream_.get() && (!stream_.create(error) || !done_.create(error))) return false;
  if (!host_.reserve(bytes, "host memory for what is drawn", error) ||
      !device_.reserve(bytes, "GPU memory for what is drawn", error))
    return false;
  std::memcpy(host_.data(), list.pictures.data(), bytes_of(list.pictures));
  std::memcpy(host_.data() + commands_at, list.commands.data(), bytes_of(list.commands));
  if (!list.items.empty()) std::memcpy(host_.data() + items_at, list.items.data(), list.items.size());

  DeviceDrawList there{};
  there.pictures = reinterpret_cast<const DrawPicture *>(device_.data());
  there.commands = reinterpret_cast<const DrawCommand *>(device_.data() + commands_at);
  there.items = device_.data() + items_at;
  there.picture_count = static_cast<uint32_t>(list.pictures.size());
  for (const DrawPicture &picture : list.pictures) {
    there.width = std::max(there.width, picture.width);
    there.height = std::max(there.height, picture.height);
  }
  return cuda::ok(cudaMemcpyAsync(device_.data(), host_.data(), bytes, cudaMemcpyHostToDevice, stream_.get()),
                  "copying what is drawn to the GPU", error) &&
         cuda::ok(launch_draw(there, stream_.get()), "drawing on the GPU", error) &&
         cuda::ok(cudaEventRecord(done_.get(), stream_.get()), "CUDA event", error) &&
         cuda::ok(cudaEventSynchronize(done_.get()), "drawing on the GPU", error);
}

}  // namespace nj::osd
