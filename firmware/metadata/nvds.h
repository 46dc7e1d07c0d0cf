// DeepStream's metadata on a buffer, for elements that do not know its headers.
//
// The plugin is built with them where they are (meson option `deepstream`) and uses NVIDIA's libraries only once a
// buffer with their metadata comes: the same file works on machines without DeepStream. Built without the headers, all
// of this finds nothing, and open() says what is missing.
#pragma once

#include <gst/gst.h>

#include <functional>
#include <memory>
#include <string>

#include "metadata_batch.h"
#include "nj_meta.h"

namespace nj::nvds {

// Whether the plugin was built with DeepStream's headers.
bool supported();

// Whether the buffer carries a batch of DeepStream, whether or not it can be used. Built without the headers: any
// metadata of DeepStream.
bool present(const GstBuffer *buffer);

// The metadata of a buffer for which present() holds. The buffer must outlive the result, which holds the batch's lock.
// Returns nullptr and sets *error when NVIDIA's library is missing, or when it belongs to a DeepStream whose structures
// differ from the headers that the plugin was built with.
std::unique_ptr<MetadataBatch> open(GstBuffer *buffer, std::string *error);

// Frames that a detector looked at; 0 without a batch.
guint count_inferred(GstBuffer *buffer);

struct Payload {
  FrameInfo frame;
  const void *data = nullptr;  // not NUL-terminated
  size_t bytes = 0;
  guint component_id = 0;
  guint kind = NJ_PAYLOAD_OBJECTS;  // NjPayloadKind
};

// Every payload of every frame, the oldest of a frame first: nvmsgconv's (NvDsPayload) and njmsgconv's. Those of the
// batch (nvmsgconv puts them there for 3D data) come first, as frame 0's. Returns false and sets *error as open() does,
// for buffers with a batch.
bool for_each_payload(GstBuffer *buffer, const std::function<void(const Payload &)> &take, std::string *error);

// Attaches a payload to a frame: objects as NvDsPayload, which nvmsgbroker reads too, events as our own user meta.
// `text` is copied.
bool add_payload(GstBuffer *buffer, guint frame, const std::string &text, guint component_id, guint kind,
                 std::string *error);

// Calls `visit` for each frame with a copy of its metadata in our structures, good for reading until it returns: the
// objects, classifiers and event messages, and of the user metas those that Nightjar and nvmsgconv understand. List
// order is kept. Without `with_objects`, frames and their user metas only. Returns false and sets *error as open()
// does.
bool visit_frames(GstBuffer *buffer, const std::function<void(guint index, const NjFrameMeta *frame)> &visit,
                  std::string *error, bool with_objects = true);

}  // namespace nj::nvds
