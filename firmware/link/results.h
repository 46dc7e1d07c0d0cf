// Takes the results of a slot out of shared memory: copies first, then checks, so that nothing can change in between.
#pragma once

#include <string>
#include <vector>

#include "memory.h"

namespace nj::link {

// Private copies of one slot's records. Buffers are kept from batch to batch.
struct Results {
  std::vector<FrameRecord> frames;                 // max_batch
  std::vector<std::vector<ObjectRecord>> objects;  // [frame][objects_out]
  std::vector<std::vector<EventRecord>> events;    // [frame][events_out]

  explicit Results(const LinkHeader &header)
      : frames(header.max_batch), objects(header.max_batch), events(header.max_batch) {}
};

// Reads frames 0..batch-1 of slot `slot`. false when the host wrote a count, index or number that is impossible: *error
// says which, and the counts of all frames are 0.
bool take_results(const Memory &memory, uint32_t slot, uint32_t batch, Results *results, std::string *error);

// The reason that the host left in a failed slot, for people.
std::string failure_of(const Memory &memory, uint32_t slot);

}  // namespace nj::link
