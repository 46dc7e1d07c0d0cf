// Checks the header of a link before anybody follows an offset in it. layout.ts makes the same checks for the host.
#pragma once

#include <string>

#include "protocol.h"

namespace nj::link {

// `header` is the reader's own copy, `bytes` the size of the memory it came from. false: *error names the field.
bool check_header(const LinkHeader &header, uint64_t bytes, std::string *error);

// Bytes of one element, 0 for an unknown type.
uint32_t data_type_bytes(uint32_t data_type);

}  // namespace nj::link
