// SPDX-License-Identifier: Apache-2.0
//
// User memory and the values that its words can hold.

#include "lang/compiler.h"

namespace knotcheck::lang {

Value Compiler::Intern(const std::array<uint8_t, 8>& bytes) {
  const auto [at, fresh] = bytes_.emplace(bytes, static_cast<Value>(program_.values.size()));
  if (fresh) {
    model::ValueInfo info;
    info.bytes = bytes;
    const auto nul = std::find(bytes.begin(), bytes.end(), 0);
    info.has_nul = nul != bytes.end();
    std::string text(bytes.begin(), bytes.end());
    // Trailing zeros are the end of a string, others are shown.
    text.erase(std::find_if(text.rbegin(), text.rend(), [](char c) { return c != 0; }).base(),
               text.end());
    info.text = InDoubleQuotes(text);
    program_.values.push_back(info);
  }
  return at->second;
}

Value Compiler::InternPointer(int object, int offset) {
  const auto [at, fresh] =
      pointers_.emplace(std::pair(object, offset), static_cast<Value>(program_.values.size()));
  if (!fresh) return at->second;
  model::ValueInfo info;
  // Not zero, and no string in it.
  info.bytes.fill(0xff);
  info.pointer = true;
  if (object == kDangling) {
    info.text = "dangling";
  } else {
    const Object& whole = program_.objects[static_cast<size_t>(object)];
    info.text = absl::StrCat("&", whole.name);
    if (offset > 0) absl::StrAppend(&info.text, "+", 8 * offset);
    if (offset == whole.words) {
      info.end_of = static_cast<int8_t>(object);
    } else if (offset == 0) {
      info.object = static_cast<int8_t>(object);
    } else {
      info.object = static_cast<int8_t>(program_.whole_objects +
                                        rests_[static_cast<size_t>(object)] + offset - 1);
    }
  }
  program_.values.push_back(info);
  return at->second;
}

Value Compiler::InternUnmapped() {
  if (unmapped_ == model::kZero) {
    unmapped_ = static_cast<Value>(program_.values.size());
    model::ValueInfo info;
    info.pointer = true;
    info.unmapped = true;
    info.text = "unmapped";
    program_.values.push_back(info);
  }
  return unmapped_;
}

// What is left of each object from each of its words on, space by space.
void Compiler::PlaceRests() {
  for (int o = 0; o < program_.whole_objects; ++o) {
    for (int w = 1; w < program_.objects[static_cast<size_t>(o)].words; ++w) {
      Object rest = program_.objects[static_cast<size_t>(o)];
      rest.name = absl::StrCat(rest.name, "+", 8 * w);
      rest.whole = static_cast<uint8_t>(o);
      rest.offset = static_cast<uint8_t>(w);
      rest.first_word = static_cast<uint8_t>(rest.first_word + w);
      rest.words = static_cast<uint8_t>(rest.words - w);
      rest.bytes = static_cast<uint16_t>(rest.bytes - 8 * w);
      for (auto& alternative : rest.alternatives) {
        alternative.erase(alternative.begin(), alternative.begin() + w);
      }
      program_.objects.push_back(rest);
    }
  }
}

// The 8-byte words of a text; a string gets its NUL.
std::vector<Value> Compiler::Words(const std::string& bytes, bool string) {
  std::vector<Value> words;
  const size_t length = bytes.size() + (string ? 1 : 0);
  for (size_t at = 0; at < length; at += 8) {
    std::array<uint8_t, 8> word{};
    for (size_t i = 0; i < 8 && at + i < bytes.size(); ++i) {
      word[i] = static_cast<uint8_t>(bytes[at + i]);
    }
    words.push_back(Intern(word));
  }
  return words;
}

void Compiler::CloseTruncation() {
  for (size_t v = 0; v < program_.values.size() && program_.values.size() <= kMaxValues; ++v) {
    std::array<Value, 8> row{};
    for (size_t n = 0; n < 8; ++n) {
      if (program_.values[v].pointer) {
        row[n] = static_cast<Value>(v);
        continue;
      }
      std::array<uint8_t, 8> bytes{};
      std::copy_n(program_.values[v].bytes.begin(), n, bytes.begin());
      row[n] = Intern(bytes);
    }
    program_.truncated.push_back(row);
  }
}

// The peers that write, before the memory in which they do.
absl::Status Compiler::Writers() {
  for (const Declaration& declaration : scenario_.declarations) {
    const auto* peer = std::get_if<Peer>(&declaration);
    if (peer == nullptr || peer->shares != Peer::Shares::kMemory) continue;
    const auto with = TaskNamed(peer->with, peer->where);
    if (!with.ok()) return with.status();
    const uint8_t space = program_.tasks[static_cast<size_t>(*with)].space;
    if (peer->kind == Peer::Kind::kGeneral) {
      general_[space] = true;
      program_.general_peer = true;
      if (options_.explicit_writes >= 0) {
        program_.writers.push_back(
            {peer->name, static_cast<uint8_t>(options_.explicit_writes), space});
      }
    }
    if (peer->kind == Peer::Kind::kWrites) {
      if (peer->writes < 1 || peer->writes > 20) {
        return Error(peer->where, absl::StrCat("found ", peer->writes,
                                               " writes, expected 1 to 20, or no number for the "
                                               "most general peer"));
      }
      program_.writers.push_back({peer->name, static_cast<uint8_t>(peer->writes), space});
    }
    if (program_.writers.size() > model::kMaxWriters) {
      return Error(peer->where,
                   absl::StrCat("expected at most ", model::kMaxWriters, " peers that write"));
    }
  }
  return absl::OkStatus();
}

// Objects by name, and how many words each has, for pointers to later ones.
absl::Status Compiler::DeclareObjects() {
  static const std::set<std::string> kTaken = {"NULL", "dangling", "unmapped",
                                               "sock", "file",     "legacy"};
  for (const Declaration& declaration : scenario_.declarations) {
    const auto* memory = std::get_if<Memory>(&declaration);
    if (memory == nullptr) continue;
    if (kTaken.count(memory->name) != 0 ||
        !objects_.emplace(memory->name, program_.objects.size()).second) {
      return Error(memory->where,
                   absl::StrCat("found a second '", memory->name, "', expected another name"));
    }
    Object object;
    object.name = memory->name;
    // What is too large is refused where its words are made.
    size_t words = memory->entries.size();
    for (const Atom& atom : memory->alternatives) {
      const size_t string = memory->kind == Memory::Kind::kString ? 1 : 0;
      words = std::max(words, (atom.text.size() + string + 7) / 8);
    }
    object.words = static_cast<uint8_t>(std::min(words, size_t{model::kMaxWords}));
    rests_.push_back(program_.rests_of_space);
    program_.rests_of_space += std::max(object.words - 1, 0);
    program_.objects.push_back(object);
  }
  program_.whole_objects = static_cast<int>(program_.objects.size()) * spaces_;
  return absl::OkStatus();
}

// The words of a table, each with what it may hold.
absl::Status Compiler::TableWords(const Memory& memory, Object* object, Domains* domains) {
  object->kind = Object::Kind::kPointers;
  for (const auto& entry : memory.entries) {
    std::vector<Value> domain;
    for (const Atom& atom : entry) {
      const auto value = Address(atom);
      if (!value.ok()) return value.status();
      if (std::find(domain.begin(), domain.end(), *value) == domain.end()) {
        domain.push_back(*value);
      }
    }
    domains->push_back(domain);
  }
  object->bytes = static_cast<uint16_t>(8 * domains->size());
  return absl::OkStatus();
}

// ... of a string or of bytes.
absl::Status Compiler::TextWords(const Memory& memory, Object* object, Domains* domains) {
  const bool string = memory.kind == Memory::Kind::kString;
  object->kind = string ? Object::Kind::kString : Object::Kind::kBytes;
  size_t longest = 0;
  for (const Atom& atom : memory.alternatives) {
    longest = std::max(longest, atom.text.size());
    if (string && atom.text.find('\0') != std::string::npos) {
      return Error(atom.where, "found a NUL inside a string, expected 'bytes' before it");
    }
    if (!string && atom.text.size() != memory.alternatives[0].text.size()) {
      return Error(atom.where,
                   "found alternatives of different lengths, expected bytes of one "
                   "length");
    }
  }
  object->bytes = static_cast<uint16_t>(longest + (string ? 1 : 0));
  const size_t words = (object->bytes + size_t{7}) / 8;
  if (words > kMaxStringWords || words == 0) {
    return Error(memory.where, absl::StrCat("found ", longest, " bytes, expected 1 to ",
                                            8 * kMaxStringWords - (string ? 1 : 0)));
  }
  domains->resize(words);
  for (const Atom& atom : memory.alternatives) {
    std::vector<Value> value = Words(atom.text, string);
    value.resize(words, model::kZero);
    for (size_t w = 0; w < words; ++w) {
      auto& domain = (*domains)[w];
      if (std::find(domain.begin(), domain.end(), value[w]) == domain.end()) {
        domain.push_back(value[w]);
      }
    }
    object->alternatives.push_back(value);
  }
  return absl::OkStatus();
}

// Whether the most general peer, which is no writer with a budget here, may store to a word.
bool Compiler::StoredByGeneralPeer(const model::Word& word) const {
  if (options_.explicit_writes >= 0) return false;
  for (uint8_t space = 0; space < spaces_; ++space) {
    if (general_[space] && program_.Reaches(space, word)) return true;
  }
  return false;
}

// Every target, and every child that is forked, has all of the first one's memory for itself, but
// for what all share.
void Compiler::CopySpaces() {
  const size_t objects = program_.objects.size();
  const size_t words = program_.words.size();
  program_.objects_of_space = static_cast<int>(objects);
  program_.words_of_space = static_cast<int>(words);
  for (int space = 0; space < spaces_; ++space) {
    for (size_t o = 0; o < objects && space > 0; ++o) {
      Object object = program_.objects[o];
      object.space = static_cast<uint8_t>(space);
      for (const TaskInfo& info : program_.tasks) {
        const bool owner =
            info.kind == model::TaskKind::kTarget && (info.starts || forked_.count(info.name) != 0);
        if (owner && info.space == space) {
          object.name = absl::StrCat(program_.objects[o].name, "_of_", info.name);
          break;
        }
      }
      if (!program_.words[object.first_word].in_all_spaces) {
        object.first_word =
            static_cast<uint8_t>(object.first_word + words * static_cast<size_t>(space));
      }
      program_.objects.push_back(object);
    }
    for (size_t w = 0; w < words; ++w) {
      if (space > 0) {
        model::Word word = program_.words[w];
        word.object = static_cast<uint8_t>(word.object + objects * static_cast<size_t>(space));
        // Nothing leads there.
        if (word.in_all_spaces) word.domain.resize(1);
        word.in_all_spaces = false;
        program_.words.push_back(word);
      }
      model::Word& word = program_.words[w + words * static_cast<size_t>(space)];
      word.shared = word.domain.size() > 1 && StoredByGeneralPeer(word);
    }
  }
  for (size_t o = 0; o < program_.objects.size(); ++o) {
    program_.objects[o].whole = static_cast<uint8_t>(o);
  }
}

absl::Status Compiler::Memories() {
  Intern({});
  KNOT_CHECK(program_.values[model::kZero].bytes == (std::array<uint8_t, 8>{}));
  program_.values[model::kZero].text = "\"\"";
  if (absl::Status status = Writers(); !status.ok()) return status;
  if (absl::Status status = DeclareObjects(); !status.ok()) return status;
  for (const Declaration& declaration : scenario_.declarations) {
    const auto* memory = std::get_if<Memory>(&declaration);
    if (memory == nullptr) continue;
    const int index = objects_[memory->name];
    Object object = program_.objects[static_cast<size_t>(index)];
    object.first_word = static_cast<uint8_t>(program_.words.size());
    Domains domains;
    const absl::Status made = memory->kind == Memory::Kind::kPointers
                                  ? TableWords(*memory, &object, &domains)
                                  : TextWords(*memory, &object, &domains);
    if (!made.ok()) return made;
    if (memory->shared && memory->may_be_unmapped) {
      return Error(memory->where,
                   "found 'shared memory' that may be unmapped, expected one of the two: it would "
                   "be unmapped in one address space, and stay in the others");
    }
    for (auto& domain : domains) {
      if (memory->may_be_unmapped) domain.push_back(InternUnmapped());
    }
    object.words = static_cast<uint8_t>(domains.size());
    for (const auto& domain : domains) {
      model::Word word;
      word.object = static_cast<uint8_t>(index);
      word.domain = domain;
      word.in_all_spaces = memory->shared;
      program_.words.push_back(word);
    }
    const size_t words = program_.words.size() * static_cast<size_t>(spaces_);
    if (words > model::kMaxWords) {
      return Error(memory->where,
                   absl::StrCat("found ", words, " words of user memory in ", spaces_,
                                spaces_ == 1 ? " address space" : " address spaces",
                                ", expected at most ", model::kMaxWords, " (a word is 8 bytes)"));
    }
    program_.objects[static_cast<size_t>(index)] = object;
  }
  CopySpaces();
  PlaceRests();
  return Images();
}

// What each program has at the addresses of the old image.
absl::Status Compiler::Images() {
  for (const Declaration& declaration : scenario_.declarations) {
    const auto* program = std::get_if<ProgramImage>(&declaration);
    if (program == nullptr) continue;
    if (program_.images.size() == model::kMaxImages) {
      return Error(program->where, absl::StrCat("found one more, expected at most ",
                                                model::kMaxImages, " programs"));
    }
    model::Image image;
    image.path = Words(program->path.text, true);
    if (program->path.text.find('\0') != std::string::npos || program->path.text.empty() ||
        image.path.size() > kMaxStringWords) {
      return Error(program->path.where,
                   absl::StrCat("found ", InDoubleQuotes(program->path.text),
                                ", expected the path of a program, of 1 to ",
                                8 * kMaxStringWords - 1, " bytes without a NUL"));
    }
    if (program->memory.empty()) {
      return Error(program->where,
                   "found a program that has nothing, expected what it has: of others nothing is "
                   "mapped either");
    }
    image.path.resize(kMaxStringWords, model::kZero);
    for (const model::Image& other : program_.images) {
      if (other.path != image.path) continue;
      return Error(program->where,
                   absl::StrCat("found a second program ", InDoubleQuotes(program->path.text),
                                ", expected another path"));
    }
    image.words.resize(static_cast<size_t>(program_.objects_of_space));
    image.bytes.resize(static_cast<size_t>(program_.objects_of_space));
    for (const auto& [name, text] : program->memory) {
      if (absl::Status status = ImageMemory(name, text, &image); !status.ok()) return status;
    }
    program_.images.push_back(std::move(image));
  }
  return absl::OkStatus();
}

absl::Status Compiler::ImageMemory(const Atom& name, const Atom& text, model::Image* image) {
  const auto index = ObjectNamed(name);
  if (!index.ok()) return index.status();
  const auto at = static_cast<size_t>(*index);
  const Object& object = program_.objects[at];
  if (object.kind == Object::Kind::kPointers) {
    return Error(name.where, absl::StrCat("found '", name.text,
                                          "', a table, expected a memory that holds text"));
  }
  if (!image->words[at].empty()) {
    return Error(name.where, absl::StrCat("found a second '", name.text,
                                          "', expected another "
                                          "memory"));
  }
  const bool string = object.kind == Object::Kind::kString;
  const size_t bytes = text.text.size() + (string ? 1 : 0);
  // What supervisors may see has as many words as the memory.
  if (bytes == 0 || bytes > 8u * object.words ||
      (string && text.text.find('\0') != std::string::npos)) {
    return Error(text.where, absl::StrCat("found ", InDoubleQuotes(text.text), ", expected 1 to ",
                                          8 * object.words - (string ? 1 : 0), " bytes",
                                          string ? " without a NUL" : "", ": '", name.text,
                                          "' has ", static_cast<int>(object.words),
                                          object.words == 1 ? " word" : " words"));
  }
  image->words[at] = Words(text.text, string);
  image->bytes[at] = static_cast<uint16_t>(bytes);
  return absl::OkStatus();
}

void Compiler::Stores() {
  using model::kStoredByOthers;
  for (model::Word& word : program_.words) {
    if (word.shared) word.stored_by |= kStoredByOthers;
    for (const model::WriterInfo& writer : program_.writers) {
      if (program_.Reaches(writer.space, word) && word.domain.size() > 1)
        word.stored_by |= kStoredByOthers;
    }
  }
  StoresOfScripts();
  // What a fork fills changes, but not while anybody is there to whom it does.
  for (uint8_t to = 0; to < spaces_; ++to) {
    if (program_.copied_from[to] < 0) continue;
    const auto from = static_cast<uint8_t>(program_.copied_from[to]);
    for (int w = 0; w < program_.words_of_space; ++w) {
      model::Word& child = program_.words[static_cast<size_t>(program_.FirstWordOf(to) + w)];
      const model::Word& parent =
          program_.words[static_cast<size_t>(program_.FirstWordOf(from) + w)];
      child.copied = (parent.stored_by != 0 || parent.copied) && child.domain.size() > 1;
    }
  }
}

void Compiler::StoresOfScripts() {
  using model::kStoredByOthers;
  for (size_t t = 0; t < program_.tasks.size(); ++t) {
    const TaskInfo& info = program_.tasks[t];
    for (const auto* ops : {&info.ops, &info.handler}) {
      // What a handler stores, it stores while its task's call waits.
      const uint8_t by = ops == &info.handler ? kStoredByOthers : static_cast<uint8_t>(1u << t);
      for (const Op& op : *ops) {
        if (op.code == OpCode::kStore) {
          const Object& stored = program_.objects[program_.words[op.word].object];
          const bool whole = program_.values[op.value].unmapped;
          const int words = whole ? stored.words : 1;
          for (int w = 0; w < words; ++w) {
            program_.words[static_cast<size_t>(op.word + w)].stored_by |= by;
          }
        }
        if (op.code != OpCode::kSyscall) continue;
        for (const model::Role& role : SyscallOf(op.nr).roles) {
          if (role.shape != model::Shape::kOutBuffer || role.parent >= 0) continue;
          const int at = program_.ObjectAt(op.pointers[role.arg], info.space);
          if (at < 0) continue;
          const Object& buffer = program_.objects[static_cast<size_t>(at)];
          for (int w = 0; w < buffer.words; ++w) {
            program_.words[static_cast<size_t>(buffer.first_word + w)].stored_by |= by;
          }
        }
      }
    }
  }
}

}  // namespace knotcheck::lang
