// Part of the plugin and of each engine's library.
#include "network.h"

namespace nj {

namespace {

const char *name_of(link::DataType type) {
  switch (type) {
    case link::DataType::Float32:
      return "float32";
    case link::DataType::Float16:
      return "float16";
    case link::DataType::Int8:
      return "int8";
    case link::DataType::Int32:
      return "int32";
    case link::DataType::Int64:
      return "int64";
    case link::DataType::Uint8:
      return "uint8";
  }
  return "unknown";
}

}  // namespace

std::string text_of(const NetworkTensor &tensor) {
  std::string text = tensor.name + " " + name_of(tensor.type) + " [";
  for (size_t i = 0; i < tensor.dims.size(); i++) text += (i ? ", " : "") + std::to_string(tensor.dims[i]);
  return text + "]";
}

}  // namespace nj
