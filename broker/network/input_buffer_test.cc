#include "broker/network/input_buffer.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace broker {
namespace {

using Next = InputBuffer::Next;
constexpr std::int64_t request_max = 100 << 20;

std::string framed(const std::string& body) {
  const auto size = static_cast<std::uint32_t>(body.size());
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(size >> shift);
  return out + body;
}

std::string text_of(const Frame& frame) {
  return {reinterpret_cast<const char*>(frame.bytes.data()), frame.bytes.size()};
}

// Delivers at most `at_once` bytes, as a socket would; returns how many.
std::size_t deliver(InputBuffer& input, std::string_view bytes, std::size_t at_once) {
  const std::span<std::byte> room = input.prepare();
  const std::size_t size = std::min({room.size(), bytes.size(), at_once});
  std::memcpy(room.data(), bytes.data(), size);
  input.received(size);
  return size;
}

TEST(InputBuffer, CutsSeveralPipelinedFramesOutOfOneDelivery) {
  BufferPool pool;
  InputBuffer input(pool);
  deliver(input, framed("one") + framed("") + framed("three"), SIZE_MAX);
  Frame frame;
  for (const std::string expected : {"one", "", "three"}) {
    ASSERT_EQ(input.next(request_max, frame), Next::frame);
    EXPECT_EQ(text_of(frame), expected);
  }
  EXPECT_EQ(input.next(request_max, frame), Next::incomplete);
}

TEST(InputBuffer, EveryFrameComesOutWholeHoweverItWasDelivered) {
  std::mt19937 random(7);
  BufferPool pool;
  for (int round = 0; round < 50; ++round) {
    std::vector<std::string> sent;
    std::string stream;
    for (int i = 0; i < 20; ++i) {
      const std::size_t limits[] = {10, 3000, 100'000, 700'000};
      sent.emplace_back(random() % limits[random() % 4], static_cast<char>('a' + i));
      stream += framed(sent.back());
    }
    InputBuffer input(pool);
    std::vector<Frame> kept;  // a frame stays intact while later ones arrive
    for (std::size_t at = 0; at < stream.size();) {
      at += deliver(input, std::string_view(stream).substr(at), 1 + random() % 200'000);
      Frame frame;
      while (input.next(request_max, frame) == Next::frame) kept.push_back(frame);
      input.release_if_empty();
    }
    ASSERT_EQ(kept.size(), sent.size());
    for (std::size_t i = 0; i < sent.size(); ++i) EXPECT_EQ(text_of(kept[i]), sent[i]);
  }
  EXPECT_EQ(pool.used_bytes(), 0u);
}

TEST(InputBuffer, HoldsNoMemoryWhileNothingIsThere) {
  BufferPool pool;
  InputBuffer input(pool);
  deliver(input, framed("x"), SIZE_MAX);
  {
    Frame frame;
    ASSERT_EQ(input.next(request_max, frame), Next::frame);
  }
  input.prepare();
  input.release_if_empty();
  EXPECT_EQ(pool.used_bytes(), 0u);
}

TEST(InputBuffer, AParkedSmallFrameHoldsOnlyASmallBlock) {
  BufferPool pool;
  InputBuffer input(pool);
  deliver(input, framed(std::string(100, 'x')), SIZE_MAX);
  Frame frame;
  ASSERT_EQ(input.next(request_max, frame), Next::frame);
  EXPECT_LE(pool.used_bytes(), 256u);
}

TEST(InputBuffer, RefusesNegativeAndOversizeLengths) {
  BufferPool pool;
  Frame frame;
  InputBuffer negative(pool);
  deliver(negative, "\xff\xff\xff\xff", SIZE_MAX);
  EXPECT_EQ(negative.next(request_max, frame), Next::bad_length);
  InputBuffer oversize(pool);
  deliver(oversize, framed(std::string(101, 'x')), SIZE_MAX);
  EXPECT_EQ(oversize.next(100, frame), Next::bad_length);
  InputBuffer largest(pool);
  deliver(largest, framed(std::string(100, 'x')), SIZE_MAX);
  EXPECT_EQ(largest.next(100, frame), Next::frame);
}

TEST(InputBuffer, TellsWhatIsMissingOfALargeFrame) {
  BufferPool pool;
  InputBuffer input(pool);
  const std::string stream = framed(std::string(1 << 20, 'x'));
  const std::size_t given = deliver(input, stream, 1000);
  EXPECT_EQ(input.expected(), stream.size());
  EXPECT_EQ(input.missing(), stream.size() - given);
  // The rest fits into one piece.
  EXPECT_GE(input.prepare().size(), stream.size() - given);
}

}  // namespace
}  // namespace broker
