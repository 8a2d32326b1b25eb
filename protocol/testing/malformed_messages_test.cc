// Every message against truncated and mutated bytes: no crash, nothing read past the end, no allocation beyond a small
// multiple of the input. The number of mutated frames is BARNABAS_MUTATIONS (default one million).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include <fmt/format.h>

#include "protocol/testing/any_message.h"

namespace {

// Bytes that this program asked for since it started. Single-threaded.
std::size_t allocated = 0;

}  // namespace

void* operator new(std::size_t size) {
  allocated += size;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace protocol::testing {
namespace {

// What decoding may ask for, vectors' growth included: an element of one byte on the wire can be a structure of some
// hundred bytes in memory.
std::size_t allocation_limit(std::size_t frame_size) { return 4096 + 128 * frame_size; }

// In a block of exactly its size, so that AddressSanitizer sees any read past the end.
class ExactFrame {
 public:
  explicit ExactFrame(Bytes content)
      : size_(content.size()), data_(std::make_unique_for_overwrite<std::byte[]>(size_)) {
    std::ranges::copy(content, data_.get());
  }
  Bytes bytes() const { return {data_.get(), size_}; }

 private:
  std::size_t size_;
  std::unique_ptr<std::byte[]> data_;
};

std::vector<std::byte> random_instance(const AnyMessage& message, std::int16_t version, RandomFields& random) {
  Writer writer;
  EXPECT_TRUE(message.encode_random(random, version, writer)) << message.name << " " << version;
  return writer.to_vector();
}

Result<void> decode_within_limits(const AnyMessage& message, std::int16_t version, Bytes frame) {
  Reader reader(frame);
  const std::size_t before = allocated;
  auto result = message.decode(reader, version);
  EXPECT_LE(allocated - before, allocation_limit(frame.size())) << message.name << " " << version;
  return result;
}

TEST(MalformedMessages, EveryTruncationIsRefused) {
  RandomFields random(1);
  std::size_t pairs = 0, truncations = 0;
  for (const AnyMessage* message : all_messages()) {
    for (std::int16_t version = message->versions.min; version <= message->versions.max; ++version) {
      ++pairs;
      for (int instance = 0; instance < 3; ++instance) {
        const auto whole = random_instance(*message, version, random);
        ASSERT_TRUE(decode_within_limits(*message, version, whole));
        for (std::size_t size = 0; size < whole.size(); ++size) {
          const ExactFrame frame(Bytes(whole).first(size));
          ASSERT_FALSE(decode_within_limits(*message, version, frame.bytes())) << message->name << " " << version;
          ++truncations;
        }
      }
    }
  }
  fmt::print("{} truncations of {} messages x versions refused\n", truncations, pairs);
}

// One of the changes that find mistakes in decoders.
void mutate(std::vector<std::byte>& frame, RandomFields& random) {
  static constexpr std::uint8_t edges[] = {0, 1, 0x7f, 0x80, 0xff};
  const std::size_t at = frame.empty() ? 0 : random.below(frame.size());
  const auto position = frame.begin() + static_cast<std::ptrdiff_t>(at);
  switch (frame.empty() ? 3 : random.below(6)) {
    case 0:
      *position ^= static_cast<std::byte>(1U << random.below(8));
      break;
    case 1:
      *position = static_cast<std::byte>(edges[random.below(std::size(edges))]);
      break;
    case 2:  // a length or count, impossibly large
      for (std::size_t i = at; i < std::min(at + 4, frame.size()); ++i) {
        frame[i] = static_cast<std::byte>(i == at ? 0x7f : 0xff);
      }
      break;
    case 3:
      frame.insert(position, static_cast<std::byte>(random.bits()));
      break;
    case 4:
      frame.erase(position);
      break;
    default:
      frame.resize(at);
  }
}

// A mutated frame that decodes is a message: its encoding must be stable.
void expect_stable(const AnyMessage& message, std::int16_t version, Bytes frame) {
  Reader reader(frame);
  Writer once, twice;
  if (!message.recode(reader, version, once)) return;  // a tag twice, or a null that the version can't carry
  Reader again(once.bytes());
  ASSERT_TRUE(message.recode(again, version, twice)) << message.name << " " << version;
  ASSERT_TRUE(std::ranges::equal(once.bytes(), twice.bytes())) << message.name << " " << version;
}

TEST(MalformedMessages, MutatedFramesDoNoHarm) {
  const char* wanted = std::getenv("BARNABAS_MUTATIONS");
  const std::uint64_t total = wanted == nullptr ? 1'000'000 : std::strtoull(wanted, nullptr, 10);
  RandomFields random(2);
  std::uint64_t done = 0, refused = 0;
  while (done < total) {
    for (const AnyMessage* message : all_messages()) {
      for (std::int16_t version = message->versions.min; version <= message->versions.max; ++version) {
        const auto whole = random_instance(*message, version, random);
        for (int i = 0; i < 40 && done < total; ++i, ++done) {
          auto mutated = whole;
          for (std::uint64_t changes = 1 + random.below(4); changes > 0; --changes) mutate(mutated, random);
          const ExactFrame frame(mutated);
          if (!decode_within_limits(*message, version, frame.bytes())) {
            ++refused;
          } else {
            expect_stable(*message, version, frame.bytes());
          }
          if (HasFatalFailure() || HasNonfatalFailure()) return;
        }
      }
    }
  }
  fmt::print("{} mutated frames: {} refused, {} decoded to a message\n", done, refused, done - refused);
  EXPECT_GT(refused, done / 4);
}

}  // namespace
}  // namespace protocol::testing
