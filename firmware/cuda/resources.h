// Owners of what the CUDA runtime hands out. Nothing here waits for the whole device.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <string>
#include <utility>

namespace nj::cuda {

// false: *error says what failed and why.
inline bool ok(cudaError_t result, const char *what, std::string *error) {
  if (result == cudaSuccess) return true;
  *error = std::string(what) + ": " + cudaGetErrorString(result) + " (" + cudaGetErrorName(result) + ")";
  if (result == cudaErrorNoKernelImageForDevice)
    *error += "; the plugin was built for other GPUs: build it with this one's compute capability in -Dcuda-archs";
  if (result == cudaErrorInsufficientDriver)
    *error += "; there is no NVIDIA driver, or it is older than the CUDA that the plugin was built with: update it";
  return false;
}

// Whether nothing but a new process helps: the context is lost.
inline bool is_fatal(cudaError_t result) {
  switch (result) {
    case cudaSuccess:
    case cudaErrorNotReady:
    case cudaErrorMemoryAllocation:
    case cudaErrorInvalidValue:
    case cudaErrorInvalidConfiguration:
    case cudaErrorStreamCaptureInvalidated:
    case cudaErrorStreamCaptureUnsupported:
    case cudaErrorStreamCaptureImplicit:
      return false;
    default:
      return true;
  }
}

// Device memory that grows and never shrinks. Growing loses what was in it.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  ~DeviceMemory() { cudaFree(data_); }
  DeviceMemory(const DeviceMemory &) = delete;
  DeviceMemory &operator=(const DeviceMemory &) = delete;

  bool reserve(size_t bytes, const char *what, std::string *error) {
    if (bytes <= bytes_) return true;
    cudaFree(std::exchange(data_, nullptr));
    bytes_ = 0;
    if (!ok(cudaMalloc(&data_, bytes), what, error)) {
      cudaGetLastError();  // running out of memory is no lasting error
      *error += ", " + std::to_string(bytes >> 20) + " MiB asked for";
      return false;
    }
    bytes_ = bytes;
    return true;
  }
  uint8_t *data() const { return static_cast<uint8_t *>(data_); }
  size_t bytes() const { return bytes_; }

 private:
  void *data_ = nullptr;
  size_t bytes_ = 0;
};

// Host memory that the device copies from at full speed, as above.
class PinnedMemory {
 public:
  PinnedMemory() = default;
  ~PinnedMemory() { cudaFreeHost(data_); }
  PinnedMemory(const PinnedMemory &) = delete;
  PinnedMemory &operator=(const PinnedMemory &) = delete;

  bool reserve(size_t bytes, const char *what, std::string *error) {
    if (bytes <= bytes_) return true;
    cudaFreeHost(std::exchange(data_, nullptr));
    bytes_ = 0;
    if (!ok(cudaMallocHost(&data_, bytes), what, error)) return false;
    bytes_ = bytes;
    return true;
  }
  uint8_t *data() const { return static_cast<uint8_t *>(data_); }
  size_t bytes() const { return bytes_; }

 private:
  void *data_ = nullptr;
  size_t bytes_ = 0;
};

// What the runtime hands out as a handle.
template <typename Handle, cudaError_t (*kDestroy)(Handle)>
class Owned {
 public:
  Owned() = default;
  ~Owned() {
    if (handle_) kDestroy(handle_);
  }
  Owned(const Owned &) = delete;
  Owned &operator=(const Owned &) = delete;
  Handle get() const { return handle_; }

 protected:
  Handle handle_ = nullptr;
};

class Stream : public Owned<cudaStream_t, cudaStreamDestroy> {
 public:
  // Does not wait for the default stream, nor make it wait.
  bool create(std::string *error) {
    return ok(cudaStreamCreateWithFlags(&handle_, cudaStreamNonBlocking), "cannot make a CUDA stream", error);
  }
};

class Event : public Owned<cudaEvent_t, cudaEventDestroy> {
 public:
  // Whoever waits for it sleeps.
  bool create(std::string *error) {
    return ok(cudaEventCreateWithFlags(&handle_, cudaEventBlockingSync), "cannot make a CUDA event", error);
  }
};

}  // namespace nj::cuda
