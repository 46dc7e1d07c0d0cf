// Names of the joints of NjJoints, by pose type (0: 2D, 1: 2.5D, 2: 3D) and index.
#pragma once

namespace nj::msgconv {

const char *joint_name(int pose_type, int index);  // NULL for a type or an index that nvmsgconv has no name for

}  // namespace nj::msgconv
