"""The Kafka protocol by hand, for saying what no client library would: raw frames, broken batches, decompression bombs."""
import gzip
import socket
import struct
import time

PRODUCE, FETCH, LIST_OFFSETS, METADATA, OFFSET_COMMIT, OFFSET_FETCH, FIND_COORDINATOR = 0, 1, 2, 3, 8, 9, 10
JOIN_GROUP, SYNC_GROUP, API_VERSIONS, CREATE_TOPICS, DELETE_TOPICS, DESCRIBE_CONFIGS = 11, 14, 18, 19, 20, 32
ALTER_CLIENT_QUOTAS = 49

_table = []
for _n in range(256):
    for _ in range(8):
        _n = (_n >> 1) ^ 0x82F63B78 if _n & 1 else _n >> 1
    _table.append(_n)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def i16(n): return struct.pack('>h', n)
def i32(n): return struct.pack('>i', n)
def i64(n): return struct.pack('>q', n)


def string(text):
    if text is None:
        return i16(-1)
    data = text.encode()
    return i16(len(data)) + data


def blob(data): return i32(-1) if data is None else i32(len(data)) + data
def array(items): return i32(len(items)) + b''.join(items)


def varint(n):
    n = (n << 1) ^ (n >> 63)
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def record(value, offset=0, timestamp=0):
    body = b'\0' + varint(timestamp) + varint(offset) + varint(-1) + varint(len(value)) + value + varint(0)
    return varint(len(body)) + body


def batch(records=b'', count=1, codec=0, timestamp=None, max_timestamp=None, base_offset=0, last_delta=None,
          producer=(-1, -1, -1), crc=None, magic=2, length=None):
    last_delta = count - 1 if last_delta is None else last_delta
    timestamp = int(time.time() * 1000) if timestamp is None else timestamp
    tail = struct.pack('>hiqqqhii', codec, last_delta, timestamp, timestamp if max_timestamp is None else max_timestamp,
                       *producer, count) + records
    crc = crc32c(tail) if crc is None else crc
    return struct.pack('>qiibI', base_offset, len(tail) + 9 if length is None else length, 0, magic, crc) + tail


def values(*lines, **fields):
    return batch(b''.join(record(line, i) for i, line in enumerate(lines)), count=len(lines), **fields)


def frame(key, version, body, correlation=1, client='hostile'):
    data = i16(key) + i16(version) + i32(correlation) + string(client) + body
    return i32(len(data)) + data


def produce(topic, data, acks=1, partition=0, version=7, correlation=1, timeout=30_000):
    body = string(None) + i16(acks) + i32(timeout) + array([string(topic) + array([i32(partition) + blob(data)])])
    return frame(PRODUCE, version, body, correlation)


def fetch(topic, offset=0, partitions=(0,), max_wait=0, min_bytes=1, max_bytes=1 << 30, partition_bytes=1 << 30, version=4,
          correlation=1):
    wanted = [i32(p) + i64(offset) + (i64(-1) if version >= 5 else b'') + i32(partition_bytes) for p in partitions]
    body = i32(-1) + i32(max_wait) + i32(min_bytes) + (i32(max_bytes) if version >= 3 else b'')
    body += b'\0' if version >= 4 else b''
    return frame(FETCH, version, body + array([string(topic) + array(wanted)]), correlation)


def create_topics(names, partitions=1, timeout=30_000, configs=()):
    pairs = array([string(k) + string(v) for k, v in configs])
    topics = [string(name) + i32(partitions) + i16(1) + array([]) + pairs for name in names]
    return frame(CREATE_TOPICS, 1, array(topics) + i32(timeout) + b'\0')


def delete_topics(names, timeout=30_000): return frame(DELETE_TOPICS, 1, array([string(n) for n in names]) + i32(timeout))


def zstd_zeros(size):
    """A zstd frame of zeros: RLE blocks of 128 KiB in four bytes each, no content size."""
    blocks, left = [], size
    while left > 0:
        piece = min(left, 128 << 10)
        left -= piece
        blocks.append(struct.pack('<I', (piece << 3) | (1 << 1) | (left == 0))[:3] + b'\0')
    return b'\x28\xb5\x2f\xfd' + b'\x00' + b'\x58' + b''.join(blocks)


def lz4_zeros(blocks):
    """An LZ4 frame of `blocks` blocks of 4 MiB of zeros each."""
    run = (4 << 20) - 1 - 5
    extra, match = run - 4 - 15, bytearray()
    while extra >= 255:
        match.append(255)
        extra -= 255
    block = b'\x1f\0\x01\0' + bytes(match) + bytes([extra]) + b'\x50' + b'\0' * 5
    return b'\x04\x22\x4d\x18\x60\x70\x73' + (struct.pack('<I', len(block)) + block) * blocks + b'\0\0\0\0'


def snappy_zeros(size):
    """Raw Snappy: one literal zero, then copies of 64 bytes."""
    length, n = bytearray(), size
    while n > 0x7F:
        length.append(n & 0x7F | 0x80)
        n >>= 7
    length.append(n)
    out, left = bytearray(length) + b'\0\0', size - 1
    copy = bytes([(63 << 2) | 2]) + b'\x01\0'
    out += copy * (left // 64)
    if left % 64:
        out += bytes([((left % 64 - 1) << 2) | 2]) + b'\x01\0'
    return bytes(out)


def gzip_zeros(size): return gzip.compress(bytes(size), 6)


class Client:
    """One connection. Answers come as the bytes after the correlation id."""

    def __init__(self, address, timeout=30):
        self.socket = socket.create_connection(address, timeout)

    def __enter__(self): return self
    def __exit__(self, *_): self.close()
    def close(self): self.socket.close()
    def send(self, data): self.socket.sendall(data)

    def read(self, size):
        out = bytearray()
        while len(out) < size:
            piece = self.socket.recv(min(1 << 20, size - len(out)))
            if not piece:
                raise ConnectionError('closed by the broker')
            out += piece
        return bytes(out)

    def answer(self): return self.read(struct.unpack('>i', self.read(4))[0])[4:]

    def ask(self, data):
        self.send(data)
        return self.answer()

    def closed(self):
        """Whether the broker closes the connection without an answer."""
        try:
            return self.socket.recv(1 << 16) == b''
        except (ConnectionResetError, BrokenPipeError):
            return True

    def produce(self, topic, data, **options):
        """(error code, base offset) of one partition's produce v7."""
        answer = self.ask(produce(topic, data, **options))
        at = 4 + 2 + struct.unpack_from('>h', answer, 4)[0] + 4
        return struct.unpack_from('>hq', answer, at + 4)

    def create(self, names, **options):
        """The error codes of CreateTopics v1."""
        return self._topic_errors(self.ask(create_topics(names, **options)), messages=True)

    def delete(self, names): return self._topic_errors(self.ask(delete_topics(names))[4:], messages=False)

    @staticmethod
    def _topic_errors(answer, messages):
        at, codes = 4, []
        for _ in range(struct.unpack_from('>i', answer)[0]):
            at += 2 + struct.unpack_from('>h', answer, at)[0]
            codes.append(struct.unpack_from('>h', answer, at)[0])
            at += 2
            if messages:
                at += 2 + max(0, struct.unpack_from('>h', answer, at)[0])
        return codes

    def end_offset(self, topic, partition=0, timestamp=-1):
        """(error code, offset) by ListOffsets v1."""
        body = i32(-1) + array([string(topic) + array([i32(partition) + i64(timestamp)])])
        answer = self.ask(frame(LIST_OFFSETS, 1, body))
        return struct.unpack_from('>hqq', answer, len(answer) - 18)[::2]

    def alive(self):
        return struct.unpack('>h', self.ask(frame(API_VERSIONS, 0, b''))[:2])[0] == 0


def record_values(data):
    """The values of uncompressed v2 batches, with their offsets, as far as they are whole."""
    at, out = 0, []
    while at + 61 <= len(data):
        base, length = struct.unpack_from('>qi', data, at)
        end = at + 12 + length
        if end > len(data):
            break
        count, position = struct.unpack_from('>i', data, at + 57)[0], at + 61
        for _ in range(count):
            size, position = unvarint(data, position)
            after = position + size
            _, p = unvarint(data, position + 1)
            delta, p = unvarint(data, p)
            key, p = unvarint(data, p)
            p += max(0, key)
            length_of_value, p = unvarint(data, p)
            out.append((base + delta, data[p:p + length_of_value]))
            position = after
        at = end
    return out


def unvarint(data, at):
    shift = n = 0
    while True:
        byte = data[at]
        at += 1
        n |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (n >> 1) ^ -(n & 1), at
        shift += 7
