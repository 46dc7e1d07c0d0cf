#include "cuda_preprocessor.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "../cuda/context.h"
#include "color_transform.h"
#include "cpu_kernels.h"
#include "geometry.h"
#include "plane_layout.h"

namespace nj {

namespace {

constexpr size_t kFirstPlanBytes = 256 << 10;
constexpr size_t kAlign = 256;  // as cudaMalloc; rows of uploaded frames too

size_t aligned(size_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

// Taps that some output has a weight for: plans are padded to an even number.
uint32_t used_taps(const AxisPlan &plan) {
  for (uint32_t tap = plan.taps; tap > 1; tap--)
    for (uint32_t i = 0; i < plan.outputs; i++)
      if (plan.weight(i, tap - 1) != 0) return tap;
  return 1;
}

// The most samples that the columns of a tile span, however tiles lie over the picture.
uint32_t widest_tile(const AxisPlan &plan, uint32_t taps) {
  uint32_t widest = 0;
  for (uint32_t first = 0; first < plan.outputs; first++) {
    const uint32_t last = std::min(first + kTileWidth, plan.outputs) - 1;
    widest = std::max<uint32_t>(widest, plan.start[last] - plan.start[first] + taps);
  }
  return widest;
}

// Whether the kernel for BatchJob::usual may make the picture.
bool is_usual(const PictureJob &job) {
  const PlaneJob &luma = job.plane[0], &chroma = job.plane[1];
  return job.planes == 2 && job.channels == 3 && job.pass_rows > 0 && luma.interleaved == 1 &&
         chroma.interleaved == 2 && luma.aligned && luma.whole && chroma.aligned && chroma.whole &&
         luma.horizontal.taps <= kUsualLumaTaps && chroma.horizontal.taps <= kUsualChromaTaps &&
         luma.vertical.taps <= kUsualRowTaps && chroma.vertical.taps <= kUsualRowTaps;
}

void set_colors(const FrameView &frame, const TensorSpec &spec, PictureJob *job) {
  const ColorTransform transform = color_transform(frame, spec);
  const float unit = std::ldexp(1.f, -(kBlendBits + kWeightBits));
  for (int c = 0; c < 3; c++) {
    for (int k = 0; k < 3; k++) job->matrix[c][k] = transform.matrix[c][k] * unit;
    job->bias[c] = transform.bias[c];
    job->low[c] = transform.low[c];
    job->high[c] = transform.high[c];
  }
  fill_values(spec, job->fill);
}

void set_channels(const FormatLayout &layout, PictureJob *job) {
  job->planes = layout.planes;
  job->channels = layout.channels;
  for (uint32_t k = 0; k < 3;
       k++) {  // channels that a format lacks repeat the first: their weights in the matrix are 0
    job->channel_plane[k] = 0;
    job->channel_byte[k] = 0;
  }
  for (uint32_t p = 0; p < layout.planes; p++)
    for (uint32_t byte = 0; byte < 4; byte++) {
      const int channel = layout.plane[p].channel[byte];
      if (channel < 0) continue;
      job->channel_plane[channel] = p;
      job->channel_byte[channel] = byte;
    }
}

// Rows and bytes of plane `index` of a frame's memory.
struct PlaneExtent {
  uint32_t row_bytes, rows;
};

PlaneExtent extent_of(const FrameView &frame, uint32_t index) {
  const FormatLayout layout = layout_of(frame.format);
  PlaneExtent extent{0, 0};
  for (uint32_t p = 0; p < layout.planes; p++) {
    if (memory_plane(frame.format, p) != index) continue;
    const PlaneLayout &plane = layout.plane[p];
    const uint32_t columns = (frame.width + (1u << plane.shift_x) - 1) >> plane.shift_x;
    const uint32_t rows = (frame.height + (1u << plane.shift_y) - 1) >> plane.shift_y;
    extent = {std::max(extent.row_bytes, columns * plane.bytes_per_sample), std::max(extent.rows, rows)};
  }
  return extent;
}

bool is_ours(const FrameView &frame, std::string *error) {
  int gpu = 0;
  cudaGetDevice(&gpu);
  if (!is_foreign_cuda_memory(frame.plane[0], gpu)) return true;
  *error = foreign_memory_text(gpu);
  return false;
}

uint32_t memory_planes(const FrameView &frame) {
  const FormatLayout layout = layout_of(frame.format);
  return memory_plane(frame.format, layout.planes - 1) + 1;
}

}  // namespace

// Room for `pictures` jobs and `plan_bytes` of plans; what was there is forgotten when it moves.
bool PictureTable::make_room(size_t pictures, size_t plan_bytes, std::string *error) {
  if (pictures <= most_pictures_ && plan_bytes <= capacity_) return true;
  const size_t count = std::max(pictures, most_pictures_), plans = std::max(plan_bytes, capacity_);
  const size_t bytes = aligned(count * sizeof(PictureJob)) + plans;
  if (!host_.reserve(bytes, "host memory for the description of a batch", error) ||
      !device_.reserve(bytes, "GPU memory for the description of a batch", error))
    return false;
  most_pictures_ = aligned(count * sizeof(PictureJob)) / sizeof(PictureJob);
  capacity_ = bytes - most_pictures_ * sizeof(PictureJob);
  plans_.clear();
  used_ = sent_ = 0;
  generation_++;
  return true;
}

const PictureTable::PlacedPlan *PictureTable::place_plan(const AxisSource &source, uint32_t outputs) {
  for (auto entry = plans_.begin(); entry != plans_.end(); ++entry) {
    if (entry->outputs != outputs || !(entry->source == source)) continue;
    plans_.splice(plans_.begin(), plans_, entry);
    return &plans_.front();
  }
  const AxisPlan plan = make_axis_plan(source, outputs);
  const size_t start_bytes = plan.start.size() * sizeof(int32_t), weight_bytes = plan.weights.size() * sizeof(int16_t);
  if (used_ + start_bytes + weight_bytes + 16 > capacity_) return nullptr;
  const uint32_t taps = used_taps(plan);
  std::memcpy(plans_begin() + used_, plan.start.data(), start_bytes);
  std::memcpy(plans_begin() + used_ + start_bytes, plan.weights.data(), weight_bytes);
  const uint32_t end = static_cast<uint32_t>(plan.start[outputs - 1]) + taps;
  plans_.push_front({source, outputs, taps, plan.padded, widest_tile(plan, taps), end, used_});
  used_ += (start_bytes + weight_bytes + 15) / 16 * 16;
  return &plans_.front();
}

DevicePlan PictureTable::device_plan(const PlacedPlan &plan) const {
  const uint8_t *begin = device_.data() + most_pictures_ * sizeof(PictureJob) + plan.offset;
  return {reinterpret_cast<const int32_t *>(begin),
          reinterpret_cast<const uint32_t *>(begin + plan.padded * sizeof(int32_t)), plan.padded, plan.taps};
}

void PictureTable::describe_plane(const FrameView &frame, uint32_t index, const Region &part, const Geometry &g,
                                  PlaneJob *plane, uint32_t *stretch, bool *full) {
  const PlaneLayout layout = layout_of(frame.format).plane[index];
  const AxisSource columns = axis_source(part.left, part.width, frame.width, layout.shift_x, g.inner_width);
  const AxisSource rows = axis_source(part.top, part.height, frame.height, layout.shift_y, g.inner_height);
  // A list keeps its entries where they are.
  const PlacedPlan *horizontal = place_plan(columns, g.inner_width);
  const PlacedPlan *vertical = horizontal ? place_plan(rows, g.inner_height) : nullptr;
  *full = !vertical;
  if (*full) return;
  const uint32_t memory = memory_plane(frame.format, index);
  plane->rows = frame.plane[memory];
  plane->stride = frame.stride[memory];
  plane->row_bytes = extent_of(frame, memory).row_bytes;
  plane->first_byte = columns.first * layout.bytes_per_sample;
  plane->first_row = rows.first;
  plane->last_row = rows.last;
  plane->interleaved = layout.bytes_per_sample;
  plane->aligned = (reinterpret_cast<uintptr_t>(plane->rows) | plane->stride) % 16 == 0;
  plane->whole = plane->first_byte + horizontal->end * layout.bytes_per_sample <= plane->stride;
  plane->horizontal = device_plan(*horizontal);
  plane->vertical = device_plan(*vertical);
  *stretch = (horizontal->widest * layout.bytes_per_sample + 15) / 16 * 16 + 16;  // from and to multiples of 16
}

// A table that has had other pictures keeps to the kernel for all: crops of objects change from batch to batch, and
// with each change a captured launch would have to be made anew.
void PictureTable::follow(const std::vector<PictureJob> &jobs) {
  if (!usual_ || std::all_of(jobs.begin(), jobs.end(), is_usual)) return;
  usual_ = false;
  generation_++;
}

Geometry PictureTable::describe_picture(const FrameView &frame, const Region *region, const TensorSpec &spec,
                                        PictureJob *job, bool *full) {
  const Region whole{0, 0, static_cast<float>(frame.width), static_cast<float>(frame.height)};
  const Region part = region ? region_within(*region, frame.width, frame.height) : whole;
  const Placement placement = place(part, spec);
  *job = {};
  set_colors(frame, spec, job);
  set_channels(layout_of(frame.format), job);
  job->pad_left = placement.pad_left;
  job->pad_top = placement.pad_top;
  job->inner_width = placement.geometry.inner_width;
  job->inner_height = placement.geometry.inner_height;
  uint32_t row = 0;
  for (uint32_t p = 0; p < job->planes && !*full; p++) {
    uint32_t stretch = 0;
    describe_plane(frame, p, part, placement.geometry, &job->plane[p], &stretch, full);
    row += stretch;
  }
  job->pass_rows = row ? std::min<uint32_t>(kTileHeight, kTileBytes / (row * sizeof(int16_t))) : 0;
  return placement.geometry;
}

// Frames that lie in system memory, copied; the others as they are.
bool PictureTable::upload_frames(const std::vector<Picture> &pictures, cudaStream_t stream,
                                 std::vector<FrameView> *frames, std::string *error) {
  size_t bytes = 0;
  for (const Picture &picture : pictures) {
    frames->push_back(*picture.frame);
    if (picture.frame->memory == MemoryKind::Cuda && !is_ours(*picture.frame, error)) return false;
    if (picture.frame->memory == MemoryKind::Cuda) continue;
    for (uint32_t p = 0; p < memory_planes(*picture.frame); p++) {
      const PlaneExtent extent = extent_of(*picture.frame, p);
      bytes += aligned(extent.row_bytes) * extent.rows;
    }
  }
  if (!uploads_.reserve(bytes, "GPU memory for frames", error)) return false;
  uint8_t *to = uploads_.data();
  for (FrameView &frame : *frames) {
    if (frame.memory == MemoryKind::Cuda) continue;
    for (uint32_t p = 0; p < memory_planes(frame); p++) {
      const PlaneExtent extent = extent_of(frame, p);
      const size_t stride = aligned(extent.row_bytes);
      if (!cuda::ok(cudaMemcpy2DAsync(to, stride, frame.plane[p], frame.stride[p], extent.row_bytes, extent.rows,
                                      cudaMemcpyHostToDevice, stream),
                    "copying a frame to the GPU", error))
        return false;
      frame.plane[p] = to;
      frame.stride[p] = static_cast<uint32_t>(stride);
      to += stride * extent.rows;
    }
    frame.memory = MemoryKind::Cuda;
  }
  return true;
}

bool PictureTable::describe(const std::vector<Picture> &pictures, const TensorSpec &spec, void *tensor,
                            cudaStream_t stream, std::vector<Geometry> *geometries, std::string *error) {
  std::vector<FrameView> frames;
  if (!upload_frames(pictures, stream, &frames, error)) return false;
  if (!make_room(pictures.size(), kFirstPlanBytes, error)) return false;
  std::vector<PictureJob> jobs(pictures.size());
  for (bool again = false;;) {
    bool full = false;
    geometries->clear();
    for (size_t i = 0; i < frames.size() && !full; i++) {
      geometries->push_back(describe_picture(frames[i], pictures[i].region, spec, &jobs[i], &full));
      jobs[i].tensor = static_cast<uint8_t *>(tensor) + i * picture_bytes(spec);
    }
    if (!full) break;
    // Old plans make room first; a batch that needs more than all the room gets more.
    if (again && !make_room(pictures.size(), 2 * capacity_, error)) return false;
    plans_.clear();
    used_ = sent_ = 0;
    again = true;
  }
  std::memcpy(host_.data(), jobs.data(), jobs.size() * sizeof(PictureJob));
  const size_t plans_at = most_pictures_ * sizeof(PictureJob);
  if (!cuda::ok(cudaMemcpyAsync(device_.data(), host_.data(), jobs.size() * sizeof(PictureJob), cudaMemcpyHostToDevice,
                                stream),
                "copying the description of a batch", error))
    return false;
  if (used_ > sent_ && !cuda::ok(cudaMemcpyAsync(device_.data() + plans_at + sent_, plans_begin() + sent_,
                                                 used_ - sent_, cudaMemcpyHostToDevice, stream),
                                 "copying resampling plans", error))
    return false;
  sent_ = used_;
  follow(jobs);
  job_ = {reinterpret_cast<const PictureJob *>(device_.data()),
          static_cast<uint32_t>(pictures.size()),
          spec.width,
          spec.height,
          spec.half,
          spec.channels_last,
          usual_};
  return true;
}

namespace {

// The interface for single pictures, as hosts of networks that do not run on the GPU need it: waits for each.
class CudaPreprocessor : public Preprocessor {
 public:
  CudaPreprocessor(int device) : device_(device) {}

  bool start(std::string *error) { return cuda::ok(cudaSetDevice(device_), "GPU", error) && stream_.create(error); }

  Geometry run(const FrameView &view, const Region *region, const TensorSpec &spec, void *tensor) override {
    std::vector<Geometry> geometry;
    std::string error;
    if (!prepare(view, region, spec, tensor, &geometry, &error)) throw std::runtime_error(error);
    return geometry.front();
  }

 private:
  const int device_;
  cuda::Stream stream_;
  cuda::DeviceMemory result_;
  PictureTable table_;

  bool prepare(const FrameView &view, const Region *region, const TensorSpec &spec, void *tensor,
               std::vector<Geometry> *geometry, std::string *error) {
    const size_t bytes = picture_bytes(spec);
    return cuda::ok(cudaSetDevice(device_), "GPU", error) &&
           result_.reserve(bytes, "GPU memory for a picture", error) &&
           table_.describe({{&view, region}}, spec, result_.data(), stream_.get(), geometry, error) &&
           cuda::ok(launch_preprocess(table_.job(), stream_.get()), "preprocessing", error) &&
           cuda::ok(cudaMemcpyAsync(tensor, result_.data(), bytes, cudaMemcpyDefault, stream_.get()),
                    "copying a picture from the GPU", error) &&
           cuda::ok(cudaStreamSynchronize(stream_.get()), "preprocessing", error);
  }
};

}  // namespace

std::unique_ptr<Preprocessor> make_cuda_preprocessor(int device, std::string *error) {
  auto preprocessor = std::make_unique<CudaPreprocessor>(device);
  if (!preprocessor->start(error)) return nullptr;
  return preprocessor;
}

}  // namespace nj
