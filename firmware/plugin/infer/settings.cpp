#include "settings.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <vector>

namespace nj {

namespace {

constexpr int kLargestClassId = 65535;

std::vector<std::string> split(const std::string &text, const char *separators) {
  std::vector<std::string> parts;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find_first_of(separators, at), text.size());
    if (end > at) parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

std::string without_spaces(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  return text;
}

std::optional<int> class_id(const std::string &text) {
  int value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size() || value < 0 || value > kLargestClassId)
    return std::nullopt;
  return value;
}

// In the C locale, whatever the process uses.
std::optional<double> share(const std::string &text) {
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size() || !(value >= 0 && value <= 1)) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::set<int>> parse_class_list(const std::string &text) {
  std::set<int> classes;
  for (const std::string &part : split(without_spaces(text), ";:,")) {
    const auto id = class_id(part);
    if (!id) return std::nullopt;
    classes.insert(*id);
  }
  return classes;
}

std::string format_class_list(const std::set<int> &classes) {
  std::string text;
  for (int id : classes) text += (text.empty() ? "" : ";") + std::to_string(id);
  return text;
}

std::optional<std::map<int, double>> parse_class_thresholds(const std::string &text) {
  std::map<int, double> thresholds;
  for (const std::string &part : split(without_spaces(text), ";,")) {
    const size_t colon = part.find(':');
    if (colon == std::string::npos) return std::nullopt;
    const auto id = class_id(part.substr(0, colon));
    const auto threshold = share(part.substr(colon + 1));
    if (!id || !threshold) return std::nullopt;
    thresholds[*id] = *threshold;
  }
  return thresholds;
}

std::string format_class_thresholds(const std::map<int, double> &thresholds) {
  std::string text;
  for (const auto &[id, threshold] : thresholds) {
    char number[32];
    const auto end = std::to_chars(number, number + sizeof number, threshold).ptr;
    text += (text.empty() ? "" : ";") + std::to_string(id) + ":" + std::string(number, end);
  }
  return text;
}

std::string module_parameters(const std::string &own, const InferSettings &settings, bool change) {
  nlohmann::json parameters = own.empty() ? nlohmann::json::object() : nlohmann::json::parse(own, nullptr, false);
  if (!parameters.is_object()) parameters = nlohmann::json::object();
  if (settings.confidence_threshold >= 0) parameters["confidence-threshold"] = settings.confidence_threshold;
  if (change || !settings.class_thresholds.empty()) {
    nlohmann::json by_class = nlohmann::json::array();
    for (const auto &[id, threshold] : settings.class_thresholds) {
      while (by_class.size() <= static_cast<size_t>(id)) by_class.push_back(nullptr);
      by_class[id] = threshold;
    }
    parameters["class-thresholds"] = by_class;
  }
  return parameters.dump();
}

}  // namespace nj
