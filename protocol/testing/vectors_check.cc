// Our side of compat-tests/vectors, where Kafka's own classes are the other:
//   vectors_check list                        every message and version, "ProduceRequest 3" on a line
//   vectors_check write FILE SEED COUNT       COUNT random instances of each
//   vectors_check check FILE COVERED          each instance of FILE, decoded and encoded again, has the same bytes; the
//                                             messages and versions that FILE had are listed in COVERED
// The file format is described in compat-tests/vectors/src/Vectors.java.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "protocol/testing/any_message.h"

namespace {

using protocol::Bytes, protocol::Reader, protocol::Writer;
using protocol::testing::all_messages, protocol::testing::AnyMessage, protocol::testing::RandomFields;

constexpr int problems_shown = 20;

std::string hex(Bytes bytes) {
  std::string text;
  for (const std::byte byte : bytes) text += fmt::format("{:02x}", std::to_integer<int>(byte));
  return text;
}

int list() {
  for (const AnyMessage* message : all_messages()) {
    for (int version = message->versions.min; version <= message->versions.max; ++version) {
      fmt::print("{} {}\n", message->name, version);
    }
  }
  return 0;
}

int write(const char* path, std::uint64_t seed, int count) {
  RandomFields random(seed, true);
  std::ofstream out(path, std::ios::binary);
  int failures = 0;
  for (const AnyMessage* message : all_messages()) {
    for (std::int16_t version = message->versions.min; version <= message->versions.max; ++version) {
      for (int i = 0; i < count; ++i) {
        Writer body;
        if (!message->encode_random(random, version, body)) {
          fmt::print(stderr, "{} {}: an instance did not survive: {}\n", message->name, version,
                     body.ok() ? hex(body.bytes()) : body.error().message);
          ++failures;
        }
        Writer entry;
        entry.put(protocol::String(message->name), protocol::Encoding::classic, "name");
        entry.put(version);
        entry.put(static_cast<std::int32_t>(body.size()));
        entry.raw(body.bytes());
        out.write(reinterpret_cast<const char*>(entry.bytes().data()), static_cast<std::streamsize>(entry.size()));
      }
    }
  }
  out.flush();
  return out && failures == 0 ? 0 : 1;
}

// Empty when the bytes come back as they are.
std::string problem_of(const AnyMessage& message, std::int16_t version, Bytes bytes) {
  Reader reader(bytes);
  Writer again;
  const auto result = message.recode(reader, version, again);
  if (!result) return result.error().text();
  if (reader.remaining() != 0) return fmt::format("{} bytes are left over", reader.remaining());
  return std::ranges::equal(bytes, again.bytes()) ? "" : "other bytes: " + hex(again.bytes());
}

int check(const char* path, const char* covered_path) {
  std::map<std::string_view, const AnyMessage*> messages;
  for (const AnyMessage* message : all_messages()) messages[message->name] = message;
  std::ifstream in(path, std::ios::binary);
  const std::string content((std::istreambuf_iterator<char>(in)), {});
  Reader reader(protocol::as_bytes(content));
  std::set<std::string> covered;
  int checked = 0, wrong = 0;
  while (reader.ok() && reader.remaining() > 0) {
    protocol::String name;
    reader.get(name, protocol::Encoding::classic, "name");
    const auto version = reader.read<std::int16_t>();
    const Bytes body = reader.raw(static_cast<std::size_t>(reader.read<std::int32_t>()));
    const auto message = messages.find(name.view());
    const std::string problem =
        message == messages.end() ? "there is no such message" : problem_of(*message->second, version, body);
    ++checked;
    covered.insert(fmt::format("{} {}", name.view(), version));
    if (!problem.empty() && ++wrong <= problems_shown) {
      fmt::print(stderr, "{} {}: {} for {}\n", name.view(), version, problem, hex(body));
    }
  }
  std::ofstream out(covered_path);
  for (const std::string& row : covered) out << row << '\n';
  fmt::print("we read {} of Kafka's instances, {} messages x versions: {} differ\n", checked, covered.size(), wrong);
  return reader.ok() && checked > 0 && wrong == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  if (command == "list" && argc == 2) return list();
  if (command == "write" && argc == 5) return write(argv[2], std::strtoull(argv[3], nullptr, 10), std::atoi(argv[4]));
  if (command == "check" && argc == 4) return check(argv[2], argv[3]);
  fmt::print(stderr, "usage: vectors_check list | write FILE SEED COUNT | check FILE COVERED\n");
  return 2;
}
