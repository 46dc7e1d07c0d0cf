// What njinfer is told to do with objects, and the notations of its properties.
#pragma once

#include <climits>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace nj {

// What an interval is counted in: the frames of each source, or, as nvinfer does, the buffers with batches of any.
enum class IntervalMode { Source = 0, Batch = 1 };

enum class ProcessMode { Primary = 1, Secondary = 2 };

struct SizeLimits {  // pixels of the frame; a maximum of 0 is none
  unsigned min_width = 0, min_height = 0, max_width = 0, max_height = 0;

  bool allow(double width, double height) const {
    return width >= min_width && height >= min_height && (!max_width || width <= max_width) &&
           (!max_height || height <= max_height);
  }
};

constexpr double kBundleThreshold = -1;  // leave it to the bundle

struct InferSettings {
  ProcessMode mode = ProcessMode::Primary;
  unsigned interval = 0;  // frames of a source that pass between two inferred ones
  IntervalMode interval_mode = IntervalMode::Source;
  double confidence_threshold = kBundleThreshold;  // 0..1
  std::map<int, double> class_thresholds;          // by class id, 0..1
  std::set<int> filter_out;                        // class ids that are dropped
  SizeLimits detected;
  bool tensor_meta = false;
  // Secondary mode.
  int infer_on_gie_id = -1;        // unique-id of the element whose objects are looked at; -1 any
  std::set<int> infer_on_classes;  // empty: all
  SizeLimits input;
  unsigned reinfer_interval = INT_MAX;  // frames of a source
  std::string classifier_type;          // empty: the bundle's name

  // The least confidence of an object; 0 where the bundle alone decides.
  double threshold(int class_id) const {
    const auto own = class_thresholds.find(class_id);
    if (own != class_thresholds.end()) return own->second;
    return confidence_threshold < 0 ? 0 : confidence_threshold;
  }
};

// "0;2;3", also with ':' or ',' between. Nothing when it is no such list.
std::optional<std::set<int>> parse_class_list(const std::string &text);
std::string format_class_list(const std::set<int> &classes);

// "0:0.5;3:0.6". Nothing when it is no such list or a threshold lies outside 0..1.
std::optional<std::map<int, double>> parse_class_thresholds(const std::string &text);
std::string format_class_thresholds(const std::map<int, double> &thresholds);

// `own`, a JSON object or empty, with the thresholds as the parameters "confidence-threshold" and "class-thresholds"
// (by class id, null where confidence-threshold holds). `change`: for a module that runs, so an empty list takes back
// an earlier one.
std::string module_parameters(const std::string &own, const InferSettings &settings, bool change);

}  // namespace nj
