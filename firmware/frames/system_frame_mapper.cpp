// Frames in system memory and in GstCudaMemory: mapped for reading, never copied.
#include <optional>
#include <vector>

#include "../metadata/nj_meta.h"
#include "frame_mapper.h"

namespace nj {

namespace {

struct FormatEntry {
  GstVideoFormat gst;
  PixelFormat ours;
};

// The one list of formats; supported_formats() prints it.
constexpr FormatEntry kFormats[] = {
    {GST_VIDEO_FORMAT_NV12, PixelFormat::Nv12},   {GST_VIDEO_FORMAT_NV21, PixelFormat::Nv21},
    {GST_VIDEO_FORMAT_I420, PixelFormat::I420},   {GST_VIDEO_FORMAT_YV12, PixelFormat::Yv12},
    {GST_VIDEO_FORMAT_RGB, PixelFormat::Rgb},     {GST_VIDEO_FORMAT_BGR, PixelFormat::Bgr},
    {GST_VIDEO_FORMAT_RGBA, PixelFormat::Rgba},   {GST_VIDEO_FORMAT_BGRA, PixelFormat::Bgra},
    {GST_VIDEO_FORMAT_RGBx, PixelFormat::Rgbx},   {GST_VIDEO_FORMAT_BGRx, PixelFormat::Bgrx},
    {GST_VIDEO_FORMAT_ARGB, PixelFormat::Argb},   {GST_VIDEO_FORMAT_ABGR, PixelFormat::Abgr},
    {GST_VIDEO_FORMAT_xRGB, PixelFormat::Xrgb},   {GST_VIDEO_FORMAT_xBGR, PixelFormat::Xbgr},
    {GST_VIDEO_FORMAT_GRAY8, PixelFormat::Gray8}, {GST_VIDEO_FORMAT_YUY2, PixelFormat::Yuy2},
    {GST_VIDEO_FORMAT_UYVY, PixelFormat::Uyvy},
};

std::optional<PixelFormat> pixel_format(GstVideoFormat format) {
  for (const FormatEntry &entry : kFormats)
    if (entry.gst == format) return entry.ours;
  return std::nullopt;
}

ColorMatrix color_matrix(const GstVideoInfo &info) {
  switch (info.colorimetry.matrix) {
    case GST_VIDEO_COLOR_MATRIX_BT709:
      return ColorMatrix::Bt709;
    case GST_VIDEO_COLOR_MATRIX_BT2020:
      return ColorMatrix::Bt2020;
    default:
      return ColorMatrix::Bt601;
  }
}

#ifdef NJ_HAS_CUDA
constexpr bool kReadOnGpu = true;
#else
constexpr bool kReadOnGpu = false;
#endif

// Owns the mapping of one frame.
class MappedFrame {
 public:
  MappedFrame() = default;
  MappedFrame(const MappedFrame &) = delete;
  MappedFrame &operator=(const MappedFrame &) = delete;
  MappedFrame(MappedFrame &&other) noexcept : frame_(other.frame_), mapped_(other.mapped_), view(other.view) {
    other.mapped_ = false;
  }
  ~MappedFrame() {
    if (mapped_) gst_video_frame_unmap(&frame_);
  }

  bool map(GstBuffer *buffer, const GstVideoInfo &info, std::string *error) {
    const auto format = pixel_format(GST_VIDEO_INFO_FORMAT(&info));
    if (!format) {
      *error = std::string("pixel format ") + GST_VIDEO_INFO_NAME(&info) +
               " is not handled; put videoconvert before this element to get one of " + supported_formats();
      return false;
    }
    GstVideoInfo copy = info;  // gst_video_frame_map wants it mutable
    const bool on_gpu = kReadOnGpu && is_on_gpu(buffer);
    const int flags = on_gpu ? GST_MAP_READ | kMapOnGpu : GST_MAP_READ;
    if (!gst_video_frame_map(&frame_, &copy, buffer, static_cast<GstMapFlags>(flags))) {
      *error = std::string("cannot map a ") + GST_VIDEO_INFO_NAME(&info) + " frame of " +
               std::to_string(GST_VIDEO_INFO_WIDTH(&info)) + "x" + std::to_string(GST_VIDEO_INFO_HEIGHT(&info)) +
               " for reading: its buffer is smaller than the caps say, or not in system memory";
      return false;
    }
    mapped_ = true;
    describe(*format, on_gpu ? MemoryKind::Cuda : MemoryKind::System);
    return true;
  }

 private:
  GstVideoFrame frame_{};
  bool mapped_ = false;

  void describe(PixelFormat format, MemoryKind memory) {
    view.memory = memory;
    view.format = format;
    view.matrix = color_matrix(frame_.info);
    view.full_range = frame_.info.colorimetry.range == GST_VIDEO_COLOR_RANGE_0_255;
    view.width = GST_VIDEO_FRAME_WIDTH(&frame_);
    view.height = GST_VIDEO_FRAME_HEIGHT(&frame_);
    view.planes = GST_VIDEO_FRAME_N_PLANES(&frame_);
    for (uint32_t i = 0; i < view.planes; i++) {
      view.plane[i] = static_cast<const uint8_t *>(GST_VIDEO_FRAME_PLANE_DATA(&frame_, i));
      view.stride[i] = GST_VIDEO_FRAME_PLANE_STRIDE(&frame_, i);
    }
  }

 public:
  FrameView view;
};

class SystemFrameMapper : public FrameMapper {
 public:
  explicit SystemFrameMapper(uint32_t expected) { frames_.reserve(expected); }

  bool add(GstBuffer *buffer, const GstVideoInfo &info, std::string *error) {
    MappedFrame frame;
    if (!frame.map(buffer, info, error)) return false;
    frames_.push_back(std::move(frame));
    return true;
  }

  uint32_t frame_count() const override { return frames_.size(); }
  const FrameView &frame(uint32_t index) const override { return frames_.at(index).view; }

 private:
  std::vector<MappedFrame> frames_;
};

}  // namespace

std::unique_ptr<FrameMapper> map_frames(GstBuffer *buffer, const GstVideoInfo *info, std::string *error) {
  const NjBatchMeta *batch = nj_buffer_get_batch_meta(buffer);
  auto mapper = std::make_unique<SystemFrameMapper>(batch ? batch->num_frames_in_batch : 1);
  if (!batch) {
    if (!info) {
      *error = "the buffer has no batch metadata and no caps that describe a single frame";
      return nullptr;
    }
    return mapper->add(buffer, *info, error) ? std::move(mapper) : nullptr;
  }
  for (const GList *item = batch->frame_meta_list; item; item = item->next) {
    const auto *frame = static_cast<const NjFrameMeta *>(item->data);
    // A frame without a buffer of its own is the one frame of an unbatched buffer.
    GstBuffer *pixels = frame->buffer ? frame->buffer : buffer;
    const GstVideoInfo *described = frame->buffer || !info ? &frame->info : info;
    if (!mapper->add(pixels, *described, error)) return nullptr;
  }
  return mapper;
}

const char *supported_formats() {
  static const std::string list = [] {
    std::string text = "{ ";
    for (const FormatEntry &entry : kFormats) {
      if (text.size() > 2) text += ", ";
      text += gst_video_format_to_string(entry.gst);
    }
    return text + " }";
  }();
  return list.c_str();
}

// GstCudaMemory is known by its name, its mapping flag and its caps feature alone (gst/cuda/gstcudamemory.h), so that
// builds without CUDA know it too.
bool is_on_gpu(GstBuffer *buffer) {
  return gst_buffer_n_memory(buffer) > 0 && gst_memory_is_type(gst_buffer_peek_memory(buffer, 0), "gst.cuda.memory");
}

GstCaps *caps_of_frame(GstBuffer *buffer, const GstVideoInfo &info) {
  GstCaps *caps = gst_video_info_to_caps(&info);
  if (caps && is_on_gpu(buffer)) gst_caps_set_features(caps, 0, gst_caps_features_new("memory:CUDAMemory", nullptr));
  return caps;
}

GstCaps *frame_caps() {
  const std::string fields = std::string(", format=") + supported_formats() +
                             ", width=" GST_VIDEO_SIZE_RANGE ", height=" GST_VIDEO_SIZE_RANGE
                             ", framerate=" GST_VIDEO_FPS_RANGE;
  std::string text = "video/x-raw" + fields;
  if (kReadOnGpu) text += "; video/x-raw(memory:CUDAMemory)" + fields;
  return gst_caps_from_string(text.c_str());
}

}  // namespace nj
