#include "capture_time.h"

namespace nj {
namespace {

constexpr guint64 kNtpToUnixSeconds = 2208988800;  // 1900 to 1970

GstClockTime reference_time(GstBuffer *buffer, const char *media_type) {
  GstCaps *reference = gst_caps_new_empty_simple(media_type);
  const GstReferenceTimestampMeta *meta = gst_buffer_get_reference_timestamp_meta(buffer, reference);
  gst_caps_unref(reference);
  return meta ? meta->timestamp : GST_CLOCK_TIME_NONE;
}

}  // namespace

guint64 wall_clock() { return static_cast<guint64>(g_get_real_time()) * GST_USECOND; }

guint64 capture_time(GstBuffer *buffer) {
  const GstClockTime unix_time = reference_time(buffer, "timestamp/x-unix");
  if (GST_CLOCK_TIME_IS_VALID(unix_time)) return unix_time;
  const GstClockTime ntp_time = reference_time(buffer, "timestamp/x-ntp");
  if (GST_CLOCK_TIME_IS_VALID(ntp_time) && ntp_time >= kNtpToUnixSeconds * GST_SECOND)
    return ntp_time - kNtpToUnixSeconds * GST_SECOND;
  return wall_clock();
}

}  // namespace nj
