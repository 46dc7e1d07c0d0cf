#include "pose.h"

#include <iterator>

namespace nj::msgconv {

namespace {

const char *const kFlat[] = {
    "nose",       "neck",      "right-shoulder", "right-elbow", "right-hand", "left-shoulder",
    "left-elbow", "left-hand", "right-hip",      "right-knee",  "right-foot", "left-hip",
    "left-knee",  "left-foot", "right-eye",      "left-eye",    "right-ear",  "left-ear",
};

const char *const kDeep[] = {
    "pelvis",
    "left-hip",
    "right-hip",
    "torso",
    "left-knee",
    "right-knee",
    "neck",
    "left-ankle",
    "right-ankle",
    "left-big-toe",
    "right-big-toe",
    "left-small-toe",
    "right-small-toe",
    "left-heel",
    "right-heel",
    "nose",
    "left-eye",
    "right-eye",
    "left-ear",
    "right-ear",
    "left-shoulder",
    "right-shoulder",
    "left-elbow",
    "right-elbow",
    "left-wrist",
    "right-wrist",
    "left-pinky-knuckle",
    "right-pinky-knuckle",
    "left-middle-tip",
    "right-middle-tip",
    "left-index-knuckle",
    "right-index-knuckle",
    "left-thumb-tip",
    "right-thumb-tip",
};

}  // namespace

const char *joint_name(int pose_type, int index) {
  if (index < 0) return nullptr;
  if (pose_type == 0) return index < static_cast<int>(std::size(kFlat)) ? kFlat[index] : nullptr;
  if (pose_type != 1 && pose_type != 2) return nullptr;
  return index < static_cast<int>(std::size(kDeep)) ? kDeep[index] : nullptr;
}

}  // namespace nj::msgconv
