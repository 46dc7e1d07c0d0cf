// One run of a process that builds an engine: read, watched, and ended when it takes too much.
#pragma once

#include <string>
#include <vector>

#include "engine_store.h"

namespace nj {

// Runs `command` to its end. false: *error says how it ended: by its own words, over a limit, by a signal.
bool run_builder(const std::vector<std::string> &command, const BuildLimits &limits, const BuildProgress &progress,
                 std::string *error);

}  // namespace nj
