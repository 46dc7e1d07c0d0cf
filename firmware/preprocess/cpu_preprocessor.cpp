// The CPU preprocessor: one pass over the rows of the output, each made from the few source rows below it while they
// are in the first-level cache. Resampling happens on the samples as the frame has them (Y, U and V at their own
// resolutions), colour conversion on the resampled row: colours mix before they are clamped, at a third of the work.
#include "cpu_preprocessor.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <list>

#include "color_transform.h"
#include "geometry.h"
#include "plane_layout.h"

namespace nj {

namespace {

// Plans are made once per size: cameras keep theirs; only the crops of secondary inference vary.
class PlanCache {
 public:
  const AxisPlan &get(const AxisSource &source, uint32_t outputs) {
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
      if (entry->plan.outputs != outputs || !(entry->source == source)) continue;
      entries_.splice(entries_.begin(), entries_, entry);
      return entry->plan;
    }
    // The plans of one frame (4 at most) are in use together, so the oldest is never one of them.
    if (entries_.size() >= kEntries) entries_.pop_back();
    entries_.push_front({source, make_axis_plan(source, outputs)});
    return entries_.front().plan;
  }

 private:
  static constexpr size_t kEntries = 32;
  struct Entry {
    AxisSource source;
    AxisPlan plan;
  };
  std::list<Entry> entries_;
};

// One plane on its way through a frame.
struct PlaneWork {
  const PlaneLayout *layout = nullptr;
  const uint8_t *base = nullptr;  // first column that is used, row 0
  uint32_t stride = 0;
  const AxisPlan *horizontal = nullptr, *vertical = nullptr;
  AxisSource rows;
  uint32_t samples = 0;      // columns that are used
  bool split_first = false;  // emit wants a row per channel
  std::vector<int16_t> blended;
  std::vector<int16_t> split[4];
  std::vector<uint32_t> picks;  // of CpuKernels::pick
};

uint32_t value_bytes(const TensorSpec &spec) { return spec.half ? 2 : 4; }

class CpuPreprocessor : public Preprocessor {
 public:
  explicit CpuPreprocessor(const CpuKernels &kernels) : kernels_(kernels) {}

  Geometry run(const FrameView &view, const Region *region, const TensorSpec &spec, void *tensor) override {
    const Region whole{0, 0, static_cast<float>(view.width), static_cast<float>(view.height)};
    const Region part = region ? region_within(*region, view.width, view.height) : whole;
    const Placement placement = place(part, spec);
    const FormatLayout layout = layout_of(view.format);
    EmitJob job = make_job(view, spec, placement.geometry);
    job.channels = layout.channels;
    for (uint32_t i = 0; i < layout.planes; i++) prepare(planes_[i], layout.plane[i], view, i, part, placement, job);

    RowWriter writer(*this, spec, placement, tensor);
    writer.pad_rows(0, placement.pad_top);
    for (uint32_t row = 0; row < placement.geometry.inner_height; row++) {
      for (uint32_t i = 0; i < layout.planes; i++) resample_rows(planes_[i], row);
      writer.write(placement.pad_top + row, job);
    }
    writer.pad_rows(placement.pad_top + placement.geometry.inner_height, spec.height);
    return placement.geometry;
  }

 private:
  // Where rows of values go: straight into the planes for the usual layout, through a row of floats for the others.
  class RowWriter {
   public:
    RowWriter(CpuPreprocessor &owner, const TensorSpec &spec, const Placement &placement, void *tensor)
        : kernels_(owner.kernels_),
          values_(owner.values_),
          half_(owner.half_),
          spec_(spec),
          placement_(placement),
          tensor_(static_cast<uint8_t *>(tensor)) {
      fill_values(spec, fill_);
      if (direct()) return;
      values_.resize(size_t{3} * spec.width);
      half_.resize(size_t{3} * spec.width);
    }

    void write(uint32_t row, EmitJob &job) {
      for (uint32_t c = 0; c < 3; c++) {
        float *values = row_of(row, c);
        kernels_.fill(values, placement_.pad_left, fill_[c]);
        job.out[c] = values + placement_.pad_left;
        const uint32_t end = placement_.pad_left + placement_.geometry.inner_width;
        kernels_.fill(values + end, spec_.width - end, fill_[c]);
      }
      kernels_.emit(job);
      if (!direct()) store(row);
    }

    void pad_rows(uint32_t begin, uint32_t end) {
      for (uint32_t row = begin; row < end; row++) {
        for (uint32_t c = 0; c < 3; c++) kernels_.fill(row_of(row, c), spec_.width, fill_[c]);
        if (!direct()) store(row);
      }
    }

   private:
    const CpuKernels &kernels_;
    std::vector<float> &values_;
    std::vector<uint16_t> &half_;
    const TensorSpec &spec_;
    const Placement &placement_;
    uint8_t *tensor_;
    float fill_[3];

    bool direct() const { return !spec_.half && !spec_.channels_last; }

    float *row_of(uint32_t row, uint32_t channel) {
      if (!direct()) return values_.data() + size_t{channel} * spec_.width;
      return reinterpret_cast<float *>(tensor_) + (size_t{channel} * spec_.height + row) * spec_.width;
    }

    void store(uint32_t row) {
      const uint32_t bytes = value_bytes(spec_);
      if (spec_.half) kernels_.to_half(values_.data(), 3 * spec_.width, half_.data());
      const uint8_t *from = spec_.half ? reinterpret_cast<const uint8_t *>(half_.data())
                                       : reinterpret_cast<const uint8_t *>(values_.data());
      const size_t row_bytes = size_t{spec_.width} * bytes;
      if (!spec_.channels_last) {
        for (uint32_t c = 0; c < 3; c++)
          std::memcpy(tensor_ + (size_t{c} * spec_.height + row) * row_bytes, from + c * row_bytes, row_bytes);
        return;
      }
      uint8_t *to = tensor_ + size_t{row} * 3 * row_bytes;
      spec_.half ? interleave<uint16_t>(from, to) : interleave<uint32_t>(from, to);
    }

    template <typename Value>
    void interleave(const uint8_t *from, uint8_t *to) const {
      const auto *in = reinterpret_cast<const Value *>(from);
      auto *out = reinterpret_cast<Value *>(to);
      const uint32_t width = spec_.width;
      for (uint32_t x = 0; x < width; x++)
        for (uint32_t c = 0; c < 3; c++) out[3 * x + c] = in[c * width + x];
    }
  };

  const CpuKernels &kernels_;
  PlanCache plans_;
  PlaneWork planes_[3];
  std::vector<const uint8_t *> row_pointers_;
  std::vector<int16_t> row_weights_;
  std::vector<float> values_;
  std::vector<uint16_t> half_;

  EmitJob make_job(const FrameView &view, const TensorSpec &spec, const Geometry &geometry) const {
    const ColorTransform transform = color_transform(view, spec);
    EmitJob job;
    job.outputs = geometry.inner_width;
    const float unit = std::ldexp(1.f, -(kBlendBits + kWeightBits));
    for (int c = 0; c < 3; c++) {
      for (int k = 0; k < 3; k++) job.matrix[c][k] = transform.matrix[c][k] * unit;
      job.bias[c] = transform.bias[c];
      job.low[c] = transform.low[c];
      job.high[c] = transform.high[c];
    }
    return job;
  }

  void prepare(PlaneWork &work, const PlaneLayout &layout, const FrameView &view, uint32_t index, const Region &part,
               const Placement &placement, EmitJob &job) {
    const Geometry &g = placement.geometry;
    const AxisSource columns = axis_source(part.left, part.width, view.width, layout.shift_x, g.inner_width);
    work.rows = axis_source(part.top, part.height, view.height, layout.shift_y, g.inner_height);
    work.layout = &layout;
    work.horizontal = &plans_.get(columns, g.inner_width);
    work.vertical = &plans_.get(work.rows, g.inner_height);
    const uint32_t plane = memory_plane(view.format, index);
    work.base = view.plane[plane] + size_t{columns.first} * layout.bytes_per_sample;
    work.stride = view.stride[plane];
    work.samples = columns.last - columns.first + 1;
    const uint32_t interleaved = layout.bytes_per_sample;
    work.split_first = interleaved > 1 && interleaved * work.horizontal->widest(kernels_.block) > kernels_.window;
    const size_t needed = work.samples + kRowSlack;
    work.blended.resize(std::max(work.blended.size(), needed * interleaved));
    EmitChannel channel = channel_of(work, work.split_first ? 1 : interleaved);
    for (uint32_t k = 0; k < interleaved; k++) {
      if (work.split_first) work.split[k].resize(std::max(work.split[k].size(), needed));
      if (layout.channel[k] < 0) continue;
      channel.row = work.split_first ? work.split[k].data() : work.blended.data();
      channel.offset = work.split_first ? 0 : k;
      job.channel[layout.channel[k]] = channel;
    }
  }

  // What the channels of a plane have in common.
  EmitChannel channel_of(PlaneWork &work, uint32_t step) const {
    const AxisPlan &plan = *work.horizontal;
    EmitChannel channel;
    channel.step = step;
    channel.windowed = step * plan.widest(kernels_.block) <= kernels_.window;
    channel.start = plan.start.data();
    channel.weights = plan.weights.data();
    channel.pairs = plan.taps / 2;
    channel.padded = plan.padded;
    if (!channel.windowed) return channel;
    work.picks.resize(size_t{channel.pairs} * channel.padded);
    kernels_.pick(channel, work.picks.data());
    channel.picks = work.picks.data();
    return channel;
  }

  // Leaves output row `row` of the plane's channels in `blended` or `split`.
  void resample_rows(PlaneWork &work, uint32_t row) {
    const AxisPlan &plan = *work.vertical;
    uint32_t taps = plan.taps;
    while (taps > 2 && plan.weight(row, taps - 1) == 0 && plan.weight(row, taps - 2) == 0) taps -= 2;
    row_pointers_.resize(taps);
    row_weights_.resize(taps);
    for (uint32_t t = 0; t < taps; t++) {
      const uint32_t line = std::min(work.rows.first + plan.start[row] + t, work.rows.last);
      row_pointers_[t] = work.base + size_t{line} * work.stride;
      row_weights_[t] = plan.weight(row, t);
    }
    const uint32_t interleaved = work.layout->bytes_per_sample;
    kernels_.blend_rows(row_pointers_.data(), row_weights_.data(), taps, work.samples * interleaved,
                        work.blended.data());
    if (!work.split_first) return;
    int16_t *const rows[4] = {work.split[0].data(), work.split[1].data(), work.split[2].data(), work.split[3].data()};
    kernels_.split(work.blended.data(), interleaved, work.samples, rows);
  }
};

}  // namespace

std::unique_ptr<Preprocessor> make_cpu_preprocessor(const CpuKernels &kernels) {
  return std::make_unique<CpuPreprocessor>(kernels);
}

std::unique_ptr<Preprocessor> make_cpu_preprocessor() {
  uint32_t count = 0;
  return make_cpu_preprocessor(*available_cpu_kernels(&count)[0]);
}

}  // namespace nj
