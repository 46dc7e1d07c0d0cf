// Decoders of a raw YOLO head in C++, to which the module is compared: modules.bench.ts says what is in the clock.
//
//   plain       what a parser plugin does: anchor by anchor, the best class of each, then non-maximum suppression
//   vectorised  the algorithm of wasm/modules/yolo in vectors of four: groups of anchors are compared with the
//   threshold, and
//               brought up to date where one reaches it
//   maxima      another good one: the running maximum of blocks of anchors, the class looked up afterwards
//   staged      vectorised, on a copy made block by block, as the module gets its data
//
// usage: modules_bench HEAD CLASSES ANCHORS; HEAD holds float32 [4 + CLASSES][ANCHORS]. Each line "NAME N" on the
// standard input is answered by one line of JSON: {"ns": [of each of N runs], "count", "sum"}.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

namespace {

constexpr float kConfidence = 0.25f;
constexpr float kIou = 0.45f;
constexpr size_t kMaxObjects = 300;
constexpr float kLargest = 1e6f;

struct Head {
  std::vector<float> values;
  size_t classes, anchors;
  const float *row(size_t field) const { return values.data() + field * anchors; }
};

struct Object {
  float left, top, right, bottom, score;
  int class_id;
};

bool plausible(float x, float y, float w, float h) {
  return std::abs(x) <= kLargest && std::abs(y) <= kLargest && w > 0 && w <= kLargest && h > 0 && h <= kLargest;
}

// ---- plain

float iou(const Object &a, const Object &b) {
  const float width = std::min(a.right, b.right) - std::max(a.left, b.left);
  const float height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  if (width <= 0 || height <= 0) return 0;
  const float overlap = width * height;
  const float areas = (a.right - a.left) * (a.bottom - a.top) + (b.right - b.left) * (b.bottom - b.top);
  return overlap / (areas - overlap);
}

void plain(const Head &head, std::vector<Object> &kept) {
  static std::vector<Object> found;
  found.clear();
  kept.clear();
  const float *values = head.values.data();
  for (size_t anchor = 0; anchor < head.anchors; anchor++) {
    int best = -1;
    float score = 0;
    for (size_t c = 0; c < head.classes; c++) {
      const float value = values[(4 + c) * head.anchors + anchor];
      if (value > score) {
        score = value;
        best = static_cast<int>(c);
      }
    }
    if (best < 0 || score < kConfidence) continue;
    const float x = head.row(0)[anchor], y = head.row(1)[anchor], w = head.row(2)[anchor], h = head.row(3)[anchor];
    if (!plausible(x, y, w, h)) continue;
    const float left = x - w * 0.5f, top = y - h * 0.5f;
    found.push_back({left, top, left + w, top + h, score, best});
  }
  std::stable_sort(found.begin(), found.end(), [](const Object &a, const Object &b) { return a.score > b.score; });
  for (const Object &object : found) {
    if (kept.size() >= kMaxObjects) break;
    const bool covered = std::any_of(kept.begin(), kept.end(), [&](const Object &other) {
      return other.class_id == object.class_id && iou(other, object) > kIou;
    });
    if (!covered) kept.push_back(object);
  }
}

// ---- vectorised

constexpr size_t kBlock = 1024;  // anchors whose maxima stay in the first-level cache
typedef float Four __attribute__((vector_size(16)));
typedef int32_t FourInts __attribute__((vector_size(16)));

void four_rows(const float *__restrict a, size_t stride, size_t count, float *__restrict maxima) {
  const float *__restrict b = a + stride, *__restrict c = b + stride, *__restrict d = c + stride;
  for (size_t i = 0; i < count; i++) {
    float best = maxima[i];
    best = a[i] > best ? a[i] : best;
    best = b[i] > best ? b[i] : best;
    best = c[i] > best ? c[i] : best;
    best = d[i] > best ? d[i] : best;
    maxima[i] = best;
  }
}

void find_maxima(const Head &head, float *maxima) {
  for (size_t first = 0; first < head.anchors; first += kBlock) {
    const size_t count = std::min(kBlock, head.anchors - first);
    std::memset(maxima + first, 0, count * sizeof(float));
    size_t c = 0;
    for (; c + 4 <= head.classes; c += 4) four_rows(head.row(4 + c) + first, head.anchors, count, maxima + first);
    for (; c < head.classes; c++) {
      const float *row = head.row(4 + c) + first;
      for (size_t i = 0; i < count; i++) maxima[first + i] = row[i] > maxima[first + i] ? row[i] : maxima[first + i];
    }
  }
}

// Ascending keys are descending scores; the index breaks ties.
void radix_sort(std::vector<uint64_t> &keys, std::vector<uint64_t> &spare) {
  static uint32_t places[4][256];
  std::memset(places, 0, sizeof places);
  for (const uint64_t key : keys)
    for (int digit = 0; digit < 4; digit++) places[digit][key >> (32 + 8 * digit) & 255]++;
  spare.resize(keys.size());
  for (int digit = 0; digit < 4; digit++) {
    uint32_t place = 0;
    for (uint32_t &count : places[digit]) place += std::exchange(count, place);
    for (const uint64_t key : keys) spare[places[digit][key >> (32 + 8 * digit) & 255]++] = key;
    keys.swap(spare);
  }
}

struct Kept {
  alignas(16) float left[kMaxObjects + 4], top[kMaxObjects + 4], right[kMaxObjects + 4], bottom[kMaxObjects + 4],
      area[kMaxObjects + 4];
  size_t count = 0;

  void add(float l, float t, float r, float b) {
    if (count % 4 == 0)
      for (size_t i = count; i < count + 4; i++) left[i] = top[i] = right[i] = bottom[i] = -1e30f, area[i] = 0;
    left[count] = l, top[count] = t, right[count] = r, bottom[count] = b, area[count] = (r - l) * (b - t);
    count++;
  }

  // The first from `start` on that overlaps by more than kIou, -1 for none.
  int overlapping(size_t start, float l, float t, float r, float b) const {
    const auto load = [](const float *at) { return *reinterpret_cast<const Four *>(at); };
    const auto all = [](float value) { return Four{value, value, value, value}; };
    const Four zero = all(0), own = all((r - l) * (b - t));
    int ignore = (1 << (start & 3)) - 1;
    for (size_t i = start & ~size_t{3}; i < count; i += 4, ignore = 0) {
      const Four r4 = load(right + i), l4 = load(left + i), b4 = load(bottom + i), t4 = load(top + i);
      Four width = (r4 < all(r) ? r4 : all(r)) - (l4 > all(l) ? l4 : all(l));
      Four height = (b4 < all(b) ? b4 : all(b)) - (t4 > all(t) ? t4 : all(t));
      width = width > zero ? width : zero;
      height = height > zero ? height : zero;
      const Four overlap = width * height;
      const FourInts over = overlap > all(kIou) * (load(area + i) + own - overlap);
      const int hits = __builtin_ia32_movmskps(reinterpret_cast<Four>(over)) & ~ignore;
      if (hits) return static_cast<int>(i) + __builtin_ctz(hits);
    }
    return -1;
  }
};

// Suppresses what radix_sort has put in order: candidates with their scores in `best`.
template <typename ClassOf, typename IsOfClass>
void suppress(const Head &head, const std::vector<uint64_t> &keys, const float *best, std::vector<Object> &kept,
              ClassOf class_of, IsOfClass is_of_class) {
  static Kept boxes;
  boxes.count = 0;
  for (const uint64_t key : keys) {
    if (kept.size() >= kMaxObjects) break;
    const size_t anchor = key & 0xffffffff;
    const float x = head.row(0)[anchor], y = head.row(1)[anchor], w = head.row(2)[anchor], h = head.row(3)[anchor];
    if (!plausible(x, y, w, h)) continue;
    const float left = x - w * 0.5f, top = y - h * 0.5f;
    int hit = boxes.overlapping(0, left, top, left + w, top + h);
    while (hit >= 0 && !is_of_class(anchor, kept[hit].class_id))
      hit = boxes.overlapping(hit + 1, left, top, left + w, top + h);
    if (hit >= 0) continue;
    boxes.add(left, top, left + w, top + h);
    kept.push_back({left, top, left + w, top + h, best[anchor], class_of(anchor)});
  }
}

void collect(const float *best, size_t anchors, std::vector<uint64_t> &keys) {
  keys.clear();
  for (size_t i = 0; i < anchors; i++) {
    if (!(best[i] >= kConfidence)) continue;
    uint32_t bits;
    std::memcpy(&bits, &best[i], 4);
    keys.push_back(uint64_t{~bits} << 32 | i);
  }
}

void maxima(const Head &head, std::vector<Object> &kept) {
  static std::vector<float> best(head.anchors);
  static std::vector<uint64_t> keys, spare;
  kept.clear();
  find_maxima(head, best.data());
  collect(best.data(), head.anchors, keys);
  radix_sort(keys, spare);
  const auto class_of = [&](size_t anchor) {
    int found = 0;
    for (size_t c = 1; c < head.classes; c++)
      if (head.row(4 + c)[anchor] > head.row(4 + found)[anchor]) found = static_cast<int>(c);
    return found;
  };
  suppress(head, keys, best.data(), kept, class_of,
           [&](size_t anchor, int class_id) { return head.row(4 + class_id)[anchor] == best[anchor]; });
}

Four load(const float *at) {
  Four value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

Four all(float value) { return Four{value, value, value, value}; }

// Best score and class of four anchors after `rows` more classes.
void update(const float *at, size_t stride, int rows, int class_id, float *best, int32_t *classes) {
  Four scores = load(best);
  FourInts winners;
  std::memcpy(&winners, classes, sizeof winners);
  for (int row = 0; row < rows; row++, at += stride) {
    const Four values = load(at);
    const FourInts wins = (values > scores) & (values < all(INFINITY));
    scores = wins ? values : scores;
    const int32_t c = class_id + row;
    winners = wins ? FourInts{c, c, c, c} : winners;
  }
  std::memcpy(best, &scores, sizeof scores);
  std::memcpy(classes, &winners, sizeof winners);
}

bool any(FourInts mask) { return __builtin_ia32_movmskps(reinterpret_cast<Four>(mask)) != 0; }

// Four classes of all anchors. ANCHORS is at least 16; the last group overlaps the one before it.
void scan_four(const float *row, size_t anchors, int class_id, float *best, int32_t *classes) {
  const Four limits = all(kConfidence), none = all(-INFINITY);
  const auto larger = [](Four a, Four b) { return a < b ? b : a; };
  for (size_t i = 0;; i = std::min(i + 16, anchors - 16)) {
    FourInts hits[4];
    for (int v = 0; v < 4; v++) {
      Four m = none;
      for (int r = 0; r < 4; r++) m = larger(m, load(row + r * anchors + i + 4 * v));
      hits[v] = m >= limits;
    }
    if (any((hits[0] | hits[1]) | (hits[2] | hits[3])))
      for (int v = 0; v < 4; v++)
        if (any(hits[v])) update(row + i + 4 * v, anchors, 4, class_id, best + i + 4 * v, classes + i + 4 * v);
    if (i == anchors - 16) break;
  }
}

void scan_one(const float *row, size_t anchors, int class_id, float *best, int32_t *classes) {
  for (size_t i = 0;; i = std::min(i + 4, anchors - 4)) {
    if (any(load(row + i) >= all(kConfidence))) update(row + i, anchors, 1, class_id, best + i, classes + i);
    if (i == anchors - 4) break;
  }
}

template <typename RowsAt>
void threshold_first(const Head &head, std::vector<Object> &kept, RowsAt rows_at) {
  static std::vector<float> best(head.anchors);
  static std::vector<int32_t> classes(head.anchors);
  static std::vector<uint64_t> keys, spare;
  kept.clear();
  std::fill(best.begin(), best.end(), -INFINITY);
  size_t c = 0;
  for (; c + 4 <= head.classes; c += 4)
    scan_four(rows_at(4 + c, 4), head.anchors, static_cast<int>(c), best.data(), classes.data());
  for (; c < head.classes; c++)
    scan_one(rows_at(4 + c, 1), head.anchors, static_cast<int>(c), best.data(), classes.data());
  collect(best.data(), head.anchors, keys);
  radix_sort(keys, spare);
  suppress(
      head, keys, best.data(), kept, [&](size_t anchor) { return classes[anchor]; },
      [&](size_t anchor, int class_id) { return classes[anchor] == class_id; });
}

void vectorised(const Head &head, std::vector<Object> &kept) {
  threshold_first(head, kept, [&](size_t row, size_t) { return head.row(row); });
}

void staged(const Head &head, std::vector<Object> &kept) {
  static std::vector<float> stage(4 * head.anchors);
  static std::vector<float> boxes(4 * head.anchors);
  std::memcpy(boxes.data(), head.row(0), boxes.size() * sizeof(float));
  threshold_first(head, kept, [&](size_t row, size_t rows) {
    std::memcpy(stage.data(), head.row(row), rows * head.anchors * sizeof(float));
    return stage.data();
  });
}

void run(void (*decode)(const Head &, std::vector<Object> &), const Head &head, int times) {
  std::vector<Object> kept;
  kept.reserve(kMaxObjects);
  std::printf("{\"ns\":[");
  for (int i = 0; i < times; i++) {
    const auto began = std::chrono::steady_clock::now();
    decode(head, kept);
    const auto ended = std::chrono::steady_clock::now();
    std::printf("%s%lld", i ? "," : "",
                static_cast<long long>(std::chrono::duration_cast<std::chrono::nanoseconds>(ended - began).count()));
  }
  double sum = 0;
  for (const Object &object : kept) sum += object.left + object.top + object.score + object.class_id;
  std::printf("],\"count\":%zu,\"sum\":%.6f}\n", kept.size(), sum);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char **argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: modules_bench HEAD CLASSES ANCHORS\n");
    return 2;
  }
  Head head{{}, std::strtoul(argv[2], nullptr, 10), std::strtoul(argv[3], nullptr, 10)};
  head.values.resize((4 + head.classes) * head.anchors);
  std::FILE *file = std::fopen(argv[1], "rb");
  if (!file || std::fread(head.values.data(), 4, head.values.size(), file) != head.values.size()) {
    std::fprintf(stderr, "modules_bench: %s does not hold float32 [%zu][%zu]\n", argv[1], 4 + head.classes,
                 head.anchors);
    return 1;
  }
  std::fclose(file);
  std::string what;
  int times;
  while (std::cin >> what >> times) {
    const auto decode = what == "plain" ? plain : what == "maxima" ? maxima : what == "staged" ? staged : vectorised;
    run(decode, head, times);
  }
  return 0;
}
