// What nvmsgconv asks of DeepStream's 3D library: whether a buffer carries lidar data. It does not.
#include <ds3d/gst/nvds3d_meta.h>
#include <gst/gst.h>

ds3d::ErrCode NvDs3D_Find1stDataMap(GstBuffer *, const ds3d::abiRefDataMap *&datamap) {
  datamap = nullptr;
  return ds3d::ErrCode::kNotFound;
}
