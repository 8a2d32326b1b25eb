// The kernel floor: what moving the bytes costs when nothing else is done, for comparison in `tools/dev bench`.
//
//   floor PORT produce FILE   receives length-prefixed frames, sums each with CRC32C, writes it to FILE, answers 12
//   bytes floor PORT fetch FILE N   answers each frame with N bytes of FILE by sendfile
//
// One connection, one thread, blocking calls: the least a broker could do. Prints "ready" when it listens.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include "protocol/records/crc32c.h"

namespace {

constexpr std::size_t frame_bytes_max = 128 << 20;

bool receive(int socket, std::byte* to, std::size_t size) {
  while (size > 0) {
    const ssize_t got = ::recv(socket, to, size, 0);
    if (got <= 0) return false;
    to += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

bool send_all(int socket, const void* data, std::size_t size, int flags = 0) {
  const char* from = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t sent = ::send(socket, from, size, flags | MSG_NOSIGNAL);
    if (sent <= 0) return false;
    from += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

// The next frame's size, or 0 at the end of the stream.
std::size_t frame_size(int socket) {
  std::uint32_t size = 0;
  if (!receive(socket, reinterpret_cast<std::byte*>(&size), sizeof(size))) return 0;
  return std::min<std::size_t>(std::byteswap(size), frame_bytes_max);
}

void serve_produce(int socket, int file) {
  std::vector<std::byte> frame;
  std::uint32_t checksums = 0;
  while (const std::size_t size = frame_size(socket)) {
    if (frame.size() < size) frame.resize(size);
    if (!receive(socket, frame.data(), size)) return;
    checksums ^= protocol::crc32c({frame.data(), size});
    if (::write(file, frame.data(), size) != static_cast<ssize_t>(size)) return;
    std::uint32_t answer[3] = {std::byteswap(std::uint32_t{8}), 0, checksums};
    std::memcpy(&answer[1], frame.data() + 4, 4);
    if (!send_all(socket, answer, sizeof(answer))) return;
  }
}

void serve_fetch(int socket, int file, std::size_t bytes) {
  std::vector<std::byte> frame;
  const off_t end = ::lseek(file, 0, SEEK_END);
  off_t position = 0;
  while (const std::size_t size = frame_size(socket)) {
    if (frame.size() < size) frame.resize(size);
    if (!receive(socket, frame.data(), size)) return;
    const std::uint32_t header = std::byteswap(static_cast<std::uint32_t>(bytes));
    if (!send_all(socket, &header, sizeof(header), MSG_MORE)) return;
    if (position + static_cast<off_t>(bytes) > end) position = 0;
    for (std::size_t left = bytes; left > 0;) {
      const ssize_t sent = ::sendfile(socket, file, &position, left);
      if (sent <= 0) return;
      left -= static_cast<std::size_t>(sent);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: floor PORT produce FILE | floor PORT fetch FILE BYTES\n");
    return 2;
  }
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int one = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  // The congestion control of the loopback decides more than anything else here; brokers set it per socket, so does the
  // floor.
  ::setsockopt(listener, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[1])));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 || ::listen(listener, 4) != 0) {
    std::perror("floor");
    return 1;
  }
  std::puts("ready");
  std::fflush(stdout);
  const int socket = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  if (std::string_view(argv[2]) == "produce") {
    serve_produce(socket, ::open(argv[3], O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644));
  } else {
    serve_fetch(socket, ::open(argv[3], O_RDONLY | O_CLOEXEC), argc > 4 ? std::strtoul(argv[4], nullptr, 10) : 1 << 20);
  }
  return 0;
}
