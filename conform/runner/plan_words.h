// SPDX-License-Identifier: Apache-2.0
//
// The words of plans: what they stand for, and how they are taken from a line.

#pragma once

#include <charconv>
#include <cstdint>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "conform/runner/plan.h"

namespace knotcheck::runner {

// What a line must not be; the reader turns it into FILE:LINE: found ..., expected ...
struct Mistake {
  std::string found;
  std::string expected;
};

// What words stand for.
using Names = std::vector<std::pair<const char*, uint32_t>>;

inline const Names kIoctlOptions = {
    {"fault", kFault},        {"null", kNull},         {"garbage", kGarbage},
    {"setfd", kSetfd},        {"send", kAddfdAndSend}, {"bad_flags", kBadFlags},
    {"bad_fd", kBadFd},       {"nowait", kNowait},     {"in", kIn},
    {"no_buffer", kNoBuffer},
};

inline const Names kCodes = {
    {"call", static_cast<uint32_t>(Code::kCall)},
    {"store", static_cast<uint32_t>(Code::kStore)},
    {"kill", static_cast<uint32_t>(Code::kKill)},
    {"end", static_cast<uint32_t>(Code::kEnd)},
    {"recv", static_cast<uint32_t>(Code::kRecv)},
    {"send", static_cast<uint32_t>(Code::kSend)},
    {"id_valid", static_cast<uint32_t>(Code::kIdValid)},
    {"addfd", static_cast<uint32_t>(Code::kAddfd)},
    {"set_flags", static_cast<uint32_t>(Code::kSetFlags)},
    {"poll", static_cast<uint32_t>(Code::kPoll)},
    {"read", static_cast<uint32_t>(Code::kRead)},
    {"after", static_cast<uint32_t>(Code::kAfter)},
    {"close", static_cast<uint32_t>(Code::kClose)},
    {"jump", static_cast<uint32_t>(Code::kJump)},
    {"jump_if_error", static_cast<uint32_t>(Code::kJumpIfError)},
    {"jump_if_nothing", static_cast<uint32_t>(Code::kJumpIfNothing)},
    {"choose", static_cast<uint32_t>(Code::kChoose)},
    {"decide", static_cast<uint32_t>(Code::kDecide)},
    {"jump_if_result", static_cast<uint32_t>(Code::kJumpIfResult)},
    {"jump_if_call", static_cast<uint32_t>(Code::kJumpIfCall)},
};

inline const Names kTaskKinds = {
    {"target", static_cast<uint32_t>(TaskKind::kTarget)},
    {"thread", static_cast<uint32_t>(TaskKind::kThread)},
    {"child", static_cast<uint32_t>(TaskKind::kChild)},
    {"childthread", static_cast<uint32_t>(TaskKind::kChildThread)},
    {"peer", static_cast<uint32_t>(TaskKind::kPeer)},
    {"filepeer", static_cast<uint32_t>(TaskKind::kFilePeer)},
    {"supervisor", static_cast<uint32_t>(TaskKind::kSupervisor)},
};

inline const Names kObjectKinds = {
    {"string", static_cast<uint32_t>(ObjectKind::kString)},
    {"bytes", static_cast<uint32_t>(ObjectKind::kBytes)},
    {"sockaddr", static_cast<uint32_t>(ObjectKind::kSockaddr)},
    {"pointers", static_cast<uint32_t>(ObjectKind::kPointers)},
};

inline const Names kHandlers = {
    {"restarts", static_cast<uint32_t>(HandlerKind::kRestarts)},
    {"plain", static_cast<uint32_t>(HandlerKind::kPlain)},
    {"ignored", static_cast<uint32_t>(HandlerKind::kIgnored)},
};

inline const Names kShapes = {
    {"string", static_cast<uint32_t>(Shape::kString)},
    {"strings", static_cast<uint32_t>(Shape::kStrings)},
    {"bytes", static_cast<uint32_t>(Shape::kBytes)},
};

// Beside the proposals that there are rooms for.
inline const Names kNeeds = {{"hold", 0},  {"park", 0},          {"fuse", 0},
                             {"addfd", 0}, {"wait_killable", 0}, {"root", 0}};

// The words of one line, taken one after the other.
class Line {
 public:
  explicit Line(const std::string& text) {
    std::istringstream stream(text);
    for (std::string word; stream >> word;) words_.push_back(word);
  }

  bool empty() const { return words_.empty(); }
  bool more() const { return next_ < words_.size(); }

  std::string Take(const char* expected) {
    if (!more()) throw Mistake{"the end of the line", expected};
    return words_[next_++];
  }

  void End() {
    if (more()) throw Mistake{"'" + words_[next_] + "'", "the end of the line"};
  }

  int64_t Number(const char* expected, int64_t least, int64_t most) {
    return ToNumber(Take(expected), expected, least, most);
  }

  static int64_t ToNumber(const std::string& word, const char* expected, int64_t least,
                          int64_t most) {
    int64_t number = 0;
    const char* const end = word.data() + word.size();
    const auto [at, code] = std::from_chars(word.data(), end, number);
    if (code != std::errc() || at != end || number < least || number > most) {
      throw Mistake{"'" + word + "'", std::string(expected) + " (a number from " +
                                          std::to_string(least) + " to " + std::to_string(most) +
                                          ")"};
    }
    return number;
  }

  uint32_t Name(const Names& names, const char* expected) {
    return ToName(Take(expected), names, expected);
  }

  static uint32_t ToName(const std::string& word, const Names& names, const char* expected) {
    std::string all;
    for (const auto& [name, number] : names) {
      if (word == name) return number;
      all += all.empty() ? "" : ", ";
      all += name;
    }
    throw Mistake{"'" + word + "'", std::string(expected) + ": one of " + all};
  }

 private:
  std::vector<std::string> words_;
  size_t next_ = 0;
};

// The parts of a word between separators.
inline std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

// Bytes from hexadecimal digits.
inline std::string Bytes(const std::string& hex) {
  std::string bytes;
  if (hex == "-") return bytes;
  if (hex.size() % 2 != 0) throw Mistake{"'" + hex + "'", "two hexadecimal digits for each byte"};
  for (size_t i = 0; i < hex.size(); i += 2) {
    uint8_t byte = 0;
    const auto [at, code] = std::from_chars(hex.data() + i, hex.data() + i + 2, byte, 16);
    if (code != std::errc() || at != hex.data() + i + 2) {
      throw Mistake{"'" + hex + "'", "two hexadecimal digits for each byte"};
    }
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

}  // namespace knotcheck::runner
