// SPDX-License-Identifier: Apache-2.0

#include "checker/compact_set.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "base/check.h"
#include "base/hash.h"

namespace knotcheck::checker {
namespace {

constexpr size_t kLineBytes = 64;
constexpr uint32_t kNextLines = 2;
constexpr uint32_t kTinyLines = 8;
constexpr uint32_t kSmallLines = 32;
constexpr uint32_t kFirstLines = 128;
constexpr size_t kLeastMapped = size_t{1} << 16;  // bytes; smaller tables come from the heap
constexpr double kGrowth = 1.25;
constexpr double kFullest = 0.85;
constexpr size_t kAhead = 24;      // look-ups whose lines are under way at a time
constexpr size_t kNextAhead = 10;  // likewise, the lines after a full one
constexpr int kSlotSizes[] = {5, 6, 7, 9, 10, 12, 15, 16};

// A slot holds, from bit 0: the entry's low bits, its quotient, one bit that says that a foreign
// entry is two lines from its own and not one, and the tag.
template <int kSlotBytes>
struct Slot {
  static constexpr int kSlots = 63 / kSlotBytes;
  uint64_t low = 0;   // the first 8 bytes
  uint64_t high = 0;  // the others

  static Slot Load(const std::byte* line, int index) {
    Slot slot;
    const std::byte* p = line + index * kSlotBytes;
    if constexpr (kSlotBytes < 8) {
      // Never beyond the line.
      const int back = std::max(0, index * kSlotBytes + 8 - static_cast<int>(kLineBytes));
      std::memcpy(&slot.low, p - back, 8);
      slot.low = (slot.low >> (8 * back)) & (~uint64_t{0} >> (64 - 8 * kSlotBytes));
    } else {
      std::memcpy(&slot.low, p, 8);
      std::memcpy(&slot.high, p + kSlotBytes - 8, 8);
      slot.high >>= 8 * (16 - kSlotBytes);
    }
    return slot;
  }
  void Store(std::byte* line, int index) const {
    std::byte* p = line + index * kSlotBytes;
    std::memcpy(p, &low, std::min(kSlotBytes, 8));
    if constexpr (kSlotBytes > 8) std::memcpy(p + 8, &high, kSlotBytes - 8);
  }
  void Add(uint64_t value, int shift) {
    if (shift < 64) {
      low |= value << shift;
      if (shift > 0) high |= value >> (64 - shift);
    } else {
      // FormatOf() sees to it that shifts are below 128.
      // NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult)
      high |= value << (shift - 64);
    }
  }
  uint64_t Get(int shift, int bits) const {
    if (bits == 0) return 0;
    uint64_t value;
    if (shift < 64) {
      value = low >> shift;
      if (shift > 0) value |= high << (64 - shift);
    } else {
      // NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult)
      value = high >> (shift - 64);
    }
    return value & (~uint64_t{0} >> (64 - bits));
  }
  static Slot Mask(int bits) {
    if (bits < 64) return Slot{(uint64_t{1} << bits) - 1, 0};
    return Slot{~uint64_t{0}, bits == 64 ? 0 : ~uint64_t{0} >> (128 - bits)};
  }
  bool Same(const Slot& other, const Slot& mask) const {
    if constexpr (kSlotBytes < 8) return ((low ^ other.low) & mask.low) == 0;
    return (((low ^ other.low) & mask.low) | ((high ^ other.high) & mask.high)) == 0;
  }
};

// The last byte of a line: entries whose own line it is stand in the first slots, as many as the
// lower four bits say, and foreign ones in the last slots, as many as the upper four bits say.
struct Line {
  std::byte* bytes;
  int own() const { return std::to_integer<int>(bytes[kLineBytes - 1]) & 15; }
  int foreign() const { return std::to_integer<int>(bytes[kLineBytes - 1]) >> 4; }
  // Bit i: slot i is `wanted`, or empty, under the mask. All are compared, as where to stop is
  // what a processor guesses wrong most often.
  template <int kSlotBytes>
  uint32_t Matches(const Slot<kSlotBytes>& wanted, const Slot<kSlotBytes>& mask) const {
    uint32_t matches = 0;
#pragma GCC unroll 16
    for (int i = 0; i < Slot<kSlotBytes>::kSlots; ++i) {
      matches |= uint32_t{Slot<kSlotBytes>::Load(bytes, i).Same(wanted, mask)} << i;
    }
    return matches;
  }
  void AddOwn() { bytes[kLineBytes - 1] = std::byte(std::to_integer<int>(bytes[63]) + 1); }
  void AddForeign() { bytes[kLineBytes - 1] = std::byte(std::to_integer<int>(bytes[63]) + 16); }
};

Line LineAt(std::byte* memory, uint64_t index) { return Line{memory + index * kLineBytes}; }

// Calls fn.template operator()<kSlotBytes>().
template <class Fn>
auto WithSlotBytes(int slot_bytes, Fn&& fn) {
  switch (slot_bytes) {
    case 5:
      return fn.template operator()<5>();
    case 6:
      return fn.template operator()<6>();
    case 7:
      return fn.template operator()<7>();
    case 9:
      return fn.template operator()<9>();
    case 10:
      return fn.template operator()<10>();
    case 12:
      return fn.template operator()<12>();
    case 15:
      return fn.template operator()<15>();
    default:
      return fn.template operator()<16>();
  }
}

uint64_t Product(const Entry& entry, uint64_t lines) { return (entry.high >> 32) * lines; }

}  // namespace

bool CrowdedTable::Place(const Entry& entry, uint32_t tag) {
  // The upper bits of an entry are much like those of its neighbours in this table.
  const uint64_t hash = (entry.high ^ entry.low * base::kHashSeed) * base::kHashFactor;
  for (size_t i = (hash >> 32) % slots_.size();; i = i + 1 == slots_.size() ? 0 : i + 1) {
    if (slots_[i].tag == kNoTag) {
      slots_[i] = Slot{entry, tag};
      return true;
    }
    if (slots_[i].entry == entry) return false;
  }
}

bool CrowdedTable::Insert(const Entry& entry, uint32_t tag) {
  if ((count_ + 1) * 4 > slots_.size() * 3) {
    std::vector<Slot> old(slots_.size() * 3 / 2 + 8);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.tag != kNoTag) Place(slot.entry, slot.tag);
    }
  }
  const bool fresh = Place(entry, tag);
  count_ += fresh;
  return fresh;
}

CompactSet::CompactSet(EntryShape shape, int tag_bits)
    : shape_(shape), tag_bits_(tag_bits), shards_(kShards) {
  KNOT_CHECK(tag_bits >= 1 && tag_bits <= 8);
  KNOT_CHECK(shape.middle_bits >= 0 && shape.middle_bits <= 32);
  KNOT_CHECK(shape.low_bits >= 0 && shape.low_bits <= 64);
  try {
    for (Shard& shard : shards_) Allocate(shard, kTinyLines);
  } catch (...) {
    for (Shard& shard : shards_) Free(shard);
    throw;
  }
}

CompactSet::~CompactSet() {
  for (Shard& shard : shards_) Free(shard);
}

// Shards of different sizes do not all grow at the same time, so a large set as a whole is never
// much emptier than on average.
uint32_t CompactSet::LinesAfter(const Shard& shard) const {
  const uint32_t lines = shard.format.lines;
  if (lines < kSmallLines) return kSmallLines;
  if (lines < kFirstLines) {
    const auto index = static_cast<double>(&shard - shards_.data());
    return static_cast<uint32_t>(kFirstLines * std::pow(kGrowth, index / kShards));
  }
  const double more = std::floor(lines * kGrowth);
  KNOT_CHECK(more < 4e9);
  return static_cast<uint32_t>(more);
}

CompactSet::Format CompactSet::FormatOf(uint32_t lines) const {
  Format format;
  format.lines = lines;
  format.drop = std::bit_width(lines) - 1;
  format.quotient_bits = 32 - format.drop + shape_.middle_bits;
  const int bits = shape_.low_bits + format.quotient_bits + 1 + tag_bits_;
  for (const int bytes : kSlotSizes) {
    format.slot_bytes = bytes;
    if (bytes * 8 >= bits) break;
  }
  KNOT_CHECK(format.slot_bytes * 8 >= bits);
  format.inverse = ~uint64_t{0} / lines;
  return format;
}

size_t CompactSet::Bytes(const Format& format) {
  return (uint64_t{format.lines} + kNextLines) * kLineBytes;
}

void CompactSet::Allocate(Shard& shard, uint32_t lines) const {
  const Format format = FormatOf(lines);
  const size_t bytes = Bytes(format);
  if (bytes < kLeastMapped) {
    void* memory = std::aligned_alloc(kLineBytes, bytes);
    if (memory == nullptr) throw std::bad_alloc();
    std::memset(memory, 0, bytes);
    shard.memory = static_cast<std::byte*>(memory);
  } else {
    // All of it will be written at once.
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    shard.memory = static_cast<std::byte*>(memory);
  }
  shard.format = format;
  const int slots = 63 / shard.format.slot_bytes;
  shard.limit = static_cast<uint64_t>(lines * slots * kFullest);
}

void CompactSet::Free(const Shard& shard) {
  if (shard.memory == nullptr) return;
  const size_t bytes = Bytes(shard.format);
  if (bytes < kLeastMapped) {
    std::free(shard.memory);
  } else {
    munmap(shard.memory, bytes);
  }
}

void CompactSet::Grow(Shard& shard) const {
  Shard larger;
  Allocate(larger, LinesAfter(shard));
  larger.count = shard.count;
  try {
    WithSlotBytes(shard.format.slot_bytes, [&]<int kOld>() {
      WithSlotBytes(larger.format.slot_bytes, [&]<int kNew>() {
        const Layout layout = LayoutOf(larger);
        Visit<kOld>(shard, [&](const Entry& entry, uint32_t tag) {
          InsertOne<kNew, true>(layout, larger.crowded, entry, tag);
        });
      });
    });
  } catch (...) {
    Free(larger);
    throw;
  }
  Free(shard);
  shard = std::move(larger);
}

template <int kSlotBytes, bool kKnownNew>
bool CompactSet::InsertOne(const Layout& layout, CrowdedTable& crowded, const Entry& entry,
                           uint32_t tag) {
  using SlotType = Slot<kSlotBytes>;
  // The bucket is the product's upper half. Keys of one bucket differ in its lower half by
  // `lines` at least, so its last `drop` bits need not be kept.
  const uint64_t product = Product(entry, layout.lines);
  const uint64_t home = product >> 32;
  const uint64_t quotient =
      (product & 0xffffffffu) >> layout.drop << layout.middle_bits | (entry.high & 0xffffffffu);
  SlotType wanted;
  wanted.low = entry.low;
  wanted.Add(quotient, layout.low_bits);
  const auto tagged = [&](SlotType slot) {
    slot.Add(tag, layout.far_shift + 1);
    return slot;
  };
  const SlotType mask = SlotType::Mask(layout.far_shift + 1);

  Line line = LineAt(layout.memory, home);
  const int own = line.own();
  if constexpr (!kKnownNew) {
    if (line.Matches(wanted, mask) & ((1u << own) - 1)) return false;
  }
  if (own + line.foreign() < SlotType::kSlots) {
    tagged(wanted).Store(line.bytes, own);
    line.AddOwn();
    return true;
  }
  for (uint32_t next = 1; next <= kNextLines; ++next) {
    if (next == 2) wanted.Add(1, layout.far_shift);
    line = LineAt(layout.memory, home + next);
    const int foreign = line.foreign();
    if constexpr (!kKnownNew) {
      if (line.Matches(wanted, mask) >> (SlotType::kSlots - foreign)) return false;
    }
    if (line.own() + foreign < SlotType::kSlots) {
      tagged(wanted).Store(line.bytes, SlotType::kSlots - 1 - foreign);
      line.AddForeign();
      return true;
    }
  }
  return crowded.Insert(entry, tag);
}

CompactSet::Layout CompactSet::LayoutOf(const Shard& shard) const {
  const Format& format = shard.format;
  return Layout{shard.memory,       format.lines,    format.drop,
                shape_.middle_bits, shape_.low_bits, shape_.low_bits + format.quotient_bits};
}

template <int kSlotBytes>
size_t CompactSet::InsertInto(Shard& shard, Entry* entries, size_t count, uint32_t tag,
                              size_t most) {
  const Layout layout = LayoutOf(shard);
  const auto line_of = [&](size_t i) {
    return LineAt(layout.memory, Product(entries[i], layout.lines) >> 32);
  };
  const auto prefetch = [&](size_t i) { __builtin_prefetch(line_of(i).bytes, 1); };
  // Where a line is full, look-ups often go on in the next ones.
  const auto prefetch_next = [&](size_t i) {
    const Line line = line_of(i);
    const size_t step =
        line.own() + line.foreign() == Slot<kSlotBytes>::kSlots ? size_t{kLineBytes} : 0;
    __builtin_prefetch(line.bytes + step, 1);
    __builtin_prefetch(line.bytes + 2 * step, 1);
  };
  for (size_t i = 0; i < std::min(count, kAhead); ++i) prefetch(i);
  for (size_t i = 0; i < std::min(count, kNextAhead); ++i) prefetch_next(i);
  size_t fresh = 0;
  for (size_t i = 0; i < count && fresh < most; ++i) {
    if (i + kAhead < count) prefetch(i + kAhead);
    if (i + kNextAhead < count) prefetch_next(i + kNextAhead);
    const Entry entry = entries[i];
    if (InsertOne<kSlotBytes, false>(layout, shard.crowded, entry, tag)) entries[fresh++] = entry;
  }
  return fresh;
}

size_t CompactSet::Insert(uint32_t index, Entry* entries, size_t count, uint32_t tag, size_t most) {
  // Between two looks at the load: as many as there is room for, or a few more, which makes a line
  // a little fuller but does no harm.
  constexpr size_t kLeastPortion = 64;
  Shard& shard = shards_[index];
  tag &= (1u << tag_bits_) - 1;
  size_t fresh = 0;
  for (size_t begin = 0; begin < count && fresh < most;) {
    const uint64_t room = shard.limit - std::min(shard.limit, shard.count);
    const size_t portion =
        std::min(count - begin, std::max(static_cast<size_t>(room), kLeastPortion));
    const size_t added = WithSlotBytes(shard.format.slot_bytes, [&]<int kSlotBytes>() {
      return InsertInto<kSlotBytes>(shard, entries + begin, portion, tag, most - fresh);
    });
    if (begin != fresh) std::copy_n(entries + begin, added, entries + fresh);
    begin += portion;
    fresh += added;
    shard.count += added;
    if (shard.count >= shard.limit) Grow(shard);
  }
  return fresh;
}

bool CompactSet::Insert(const Place& place, uint32_t tag) {
  Entry entry = place.entry;
  return Insert(place.shard, &entry, 1, tag, 1) != 0;
}

template <int kSlotBytes, class Fn>
void CompactSet::Visit(const Shard& shard, Fn&& fn) const {
  using SlotType = Slot<kSlotBytes>;
  const Format& format = shard.format;
  const int far_shift = shape_.low_bits + format.quotient_bits;
  const auto visit = [&](const SlotType& slot, uint64_t home) {
    const uint64_t quotient = slot.Get(shape_.low_bits, format.quotient_bits);
    // The least number whose product with `lines` is not less: ceil(least / lines).
    const uint64_t least = (home << 32) | (quotient >> shape_.middle_bits << format.drop);
    uint64_t upper =
        static_cast<uint64_t>((static_cast<__uint128_t>(least) * format.inverse) >> 64);
    while (upper * format.lines < least) ++upper;
    const uint64_t middle = quotient & ((uint64_t{1} << shape_.middle_bits) - 1);
    fn(Entry{upper << 32 | middle, slot.Get(0, shape_.low_bits)},
       static_cast<uint32_t>(slot.Get(far_shift + 1, tag_bits_)));
  };
  for (uint64_t index = 0; index < uint64_t{format.lines} + kNextLines; ++index) {
    const Line line = LineAt(shard.memory, index);
    for (int i = 0; i < line.own(); ++i) visit(SlotType::Load(line.bytes, i), index);
    for (int i = SlotType::kSlots - line.foreign(); i < SlotType::kSlots; ++i) {
      const SlotType slot = SlotType::Load(line.bytes, i);
      visit(slot, index - 1 - slot.Get(far_shift, 1));
    }
  }
  shard.crowded.ForEach(fn);
}

void CompactSet::ForEach(uint32_t index,
                         const std::function<void(const Entry&, uint32_t)>& fn) const {
  const Shard& shard = shards_[index];
  WithSlotBytes(shard.format.slot_bytes, [&]<int kSlotBytes>() { Visit<kSlotBytes>(shard, fn); });
}

void CompactSet::Save(CheckpointWriter& out) const {
  for (const Shard& shard : shards_) {
    out.Put(shard.format.lines);
    out.Put(shard.count);
    out.Bytes(shard.memory, Bytes(shard.format));
    out.Put(shard.crowded.size());
    shard.crowded.ForEach([&](const Entry& entry, uint32_t tag) {
      out.Put(entry);
      out.Put(tag);
    });
  }
}

void CompactSet::Load(CheckpointReader& in) {
  for (Shard& shard : shards_) {
    KNOT_CHECK(shard.count == 0);
    Shard loaded;
    Allocate(loaded, in.Get<uint32_t>());
    Free(shard);
    shard = std::move(loaded);
    shard.count = in.Get<uint64_t>();
    in.Bytes(shard.memory, Bytes(shard.format));
    for (auto left = in.Get<uint64_t>(); left > 0; --left) {
      const auto entry = in.Get<Entry>();
      shard.crowded.Insert(entry, in.Get<uint32_t>());
    }
  }
}

uint64_t CompactSet::size() const {
  uint64_t size = 0;
  for (const Shard& shard : shards_) size += shard.count;
  return size;
}

uint64_t CompactSet::bytes() const {
  uint64_t bytes = 0;
  for (const Shard& shard : shards_) bytes += Bytes(shard.format);
  return bytes;
}

uint64_t CompactSet::crowded() const {
  uint64_t crowded = 0;
  for (const Shard& shard : shards_) crowded += shard.crowded.size();
  return crowded;
}

}  // namespace knotcheck::checker
