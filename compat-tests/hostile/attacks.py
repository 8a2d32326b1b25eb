#!/usr/bin/env python3
"""The attacks, one function each: attacks.py list | BARNABAS NAME. An attack fails by an exception.

Memory bounds are for a plain build; a sanitizer's own needs are allowed for by HOSTILE_MEMORY_FACTOR.
"""
import gzip
import os
import random
import resource
import select
import signal
import struct
import sys
import threading
import time

from brokers import Broker, free_port
from wire import *

FACTOR = float(os.environ.get('HOSTILE_MEMORY_FACTOR', '1'))
NONE, CORRUPT, TOO_LARGE, STORAGE, INVALID_RECORD = 0, 2, 10, 56, 87
ATTACKS = []


def attack(function):
    ATTACKS.append(function)
    return function


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def grown(broker, before_mb, allowed_mb, what):
    used = broker.peak_mb() - before_mb
    expect(used < allowed_mb * FACTOR, f'{what}: {used:.0f} MB more, {allowed_mb} are allowed')


def whole(broker):
    """It serves as if nothing had been."""
    expect(broker.running(), f'the broker ended with {broker.process.returncode}:\n{broker.log()[-2000:]}')
    with Client(broker.address) as client:
        expect(client.alive(), 'no answer to ApiVersions')
        client.create(['afterwards'])
        code, offset = client.produce('afterwards', values(b'still here'))
        expect(code == NONE and client.end_offset('afterwards')[1] == offset + 1, f'produce: {code}')


def attempt(function, *arguments):
    try:
        return function(*arguments)
    except (OSError, ConnectionError):
        return None


@attack
def foreign_protocols_and_garbage(binary):
    rnd = random.Random(1)
    frames = [i32(-1), i32(0), i32(2**31 - 1), i32((100 << 20) + 1), i32(1) + b'x', b'\x16\x03\x01\x02\0\x01' + bytes(300),
              b'GET / HTTP/1.1\r\n\r\n', b'SSH-2.0-x\r\n', frame(999, 0, b''), frame(-1, 0, b''), frame(METADATA, 99, b''),
              frame(METADATA, 1, i32(2**31 - 1)), frame(PRODUCE, 7, string(None) + i16(1) + i32(1) + i32(2**31 - 1)),
              frame(METADATA, 1, i32(1) + i16(32767)), frame(METADATA, 1, i32(1) + i16(-7))]
    frames += [rnd.randbytes(rnd.randrange(1, 200)) for _ in range(300)]
    frames += [i32(200) + i16(rnd.randrange(80)) + i16(rnd.randrange(15)) + rnd.randbytes(196) for _ in range(1000)]
    with Broker(binary, 'auto.create.topics.enable=false') as broker:
        before = broker.descriptors()
        for data in frames:
            with Client(broker.address) as client:
                attempt(client.send, data)
        for data in frames[:15]:
            with Client(broker.address, 5) as client:
                client.send(data)
                expect(client.closed() or data.startswith(b'GET'), f'{data[:20]} was not refused')
        whole(broker)
        expect(broker.until(lambda: broker.descriptors() < before + 15), 'descriptors leak')
        expect(broker.log().count('Closed the connection') < 40, 'the log fills up')


@attack
def broken_batches(binary):
    rnd = random.Random(2)
    good = values(b'good')
    broken = {'zero records': batch(b'', count=0), 'negative count': batch(b'', count=-1),
              'huge count': batch(record(b'x'), count=2**31 - 1), 'bad checksum': batch(record(b'x'), crc=1),
              'magic 3': batch(record(b'x'), magic=3), 'negative length': batch(record(b'x'), length=-5),
              'short length': batch(record(b'x'), length=10), 'long length': batch(record(b'x'), length=2**31 - 1),
              'base offset': batch(record(b'x'), base_offset=2**63 - 1), 'negative base': batch(record(b'x'), base_offset=-2**63),
              'last delta': batch(record(b'x'), last_delta=2**31 - 1), 'negative delta': batch(record(b'x'), last_delta=-7),
              'codec 5': batch(record(b'x'), codec=5), 'codec 7': batch(record(b'x'), codec=7),
              'control': batch(record(b'x'), codec=0x20), 'two batches': good + good, 'null': None, 'empty': b''}
    for codec in (1, 2, 3, 4):
        broken[f'not compressed with {codec}'] = batch(rnd.randbytes(200), codec=codec)
        broken[f'nothing compressed with {codec}'] = batch(b'', codec=codec)
    for i in range(0, len(good), 3):
        broken[f'cut at {i}'] = good[:i]
        broken[f'bit {i}'] = good[:i] + bytes([good[i] ^ 4]) + good[i + 1:]
    with Broker(binary) as broker, Client(broker.address) as client:
        client.create(['t'])
        end = 0
        for name, data in broken.items():
            code, offset = client.produce('t', data)
            expect((code == NONE) == (offset == end), f'{name}: {code}, {offset}')
            expect(code != NONE or name.startswith('bit'), f'{name} was accepted')
            end += code == NONE
        for timestamp in (-1, -2**63, 2**63 - 1):
            code, offset = client.produce('t', batch(record(b'x'), timestamp=timestamp))
            expect((code, offset) == (NONE, end), f'timestamp {timestamp}: {code}')
            end += 1
        for strange in (-3, -4, -5, -6, -2**63):
            client.end_offset('t', timestamp=strange)
        for strange in (-1, -2**63, 2**63 - 1, end + 1):
            expect(b'\0\x01' in client.ask(fetch('t', strange)), f'fetch at {strange}')
        expect(client.end_offset('t') == (NONE, end), 'the end offset')
        broker.kill()
        broker.start()
        with Client(broker.address) as again:
            expect(again.end_offset('t') == (NONE, end), f'after a restart {again.end_offset("t")} instead of {end}')
        whole(broker)


@attack
def decompression_bombs(binary):
    size = 1 << 28
    bombs = {'gzip': (1, gzip_zeros(size)), 'snappy': (2, snappy_zeros(size // 12)), 'lz4': (3, lz4_zeros(60)),
             'zstd': (4, zstd_zeros(4 * size)), 'one record': (1, gzip.compress(varint(size) + bytes(size), 6))}
    with Broker(binary, 'message.max.bytes=2000000') as broker, Client(broker.address) as client:
        client.create(['t', 'recompressed'], configs=[('max.message.bytes', '2000000')])
        before = broker.memory_mb()
        for name, (codec, data) in bombs.items():
            code, _ = client.produce('t', batch(data, codec=codec))
            expect(code != NONE, f'{name} was accepted')
            grown(broker, before, 40, name)
        whole(broker)


@attack
def huge_counts(binary):
    with Broker(binary, 'auto.create.topics.enable=false') as broker, Client(broker.address, 60) as client:
        client.create(['t'])
        many = 200_000
        partitions = string('t') + array([i32(0) + blob(None)] * many)
        client.ask(frame(PRODUCE, 7, string(None) + i16(1) + i32(1) + array([partitions])))
        client.ask(fetch('t', partitions=[0] * many))
        client.ask(frame(METADATA, 1, array([string(f'{n}') for n in range(many)])))
        client.ask(create_topics(['t'] * many))
        expect(client.create(['wide'], partitions=2**31 - 1) == [37], 'two billion partitions')
        whole(broker)


@attack
def requests_that_grow_when_they_are_decoded(binary):
    """Elements of a few bytes that become structures of a hundred each."""
    nulls = array([string('t') + array([i32(0) + blob(None)] * 2_000_000)])
    produce = frame(PRODUCE, 7, string(None) + i16(1) + i32(1) + nulls)
    names = frame(METADATA, 1, array([string('')] * 5_000_000))
    with Broker(binary, 'auto.create.topics.enable=false') as broker:
        with Client(broker.address) as client:
            client.create(['t'])
        for request in (produce, names):
            broker.reset_peak()
            before = broker.memory_mb()
            with Client(broker.address, 30) as client:
                attempt(client.send, request)
                expect(client.closed(), 'it was not refused')
            grown(broker, before, 2 * len(request) // 1_000_000 + 40, 'a request that grows')
        with Client(broker.address, 60) as client:  # what somebody may need one day
            client.ask(frame(METADATA, 1, array([string(f'a-topic-with-a-name-{n}') for n in range(100_000)])))
            commits = array([string('t') + array([i32(n) + i64(1) + i32(0) + string(None) for n in range(100_000)])])
            client.ask(frame(OFFSET_COMMIT, 6, string('g') + i32(-1) + string('') + commits))
        whole(broker)


@attack
def answers_that_dwarf_their_requests(binary):
    """The same large thing, asked for ten thousand times in one request."""
    with Broker(binary) as broker:
        with Client(broker.address) as client:
            client.create(['t'])
        before = broker.memory_mb()
        everything = [b'\4' + string('0') + i32(-1)] * 10_000
        with Client(broker.address, 60) as client:
            attempt(client.send, frame(DESCRIBE_CONFIGS, 3, array(everything) + b'\1\1'))
            expect(client.closed(), 'a gigabyte of settings was not refused')
        grown(broker, before, 80, 'the settings of one broker')
        with Client(broker.address, 60) as client:
            client.ask(frame(METADATA, 1, array([string('t')] * 1_000_000)))
            offsets = array([string('t') + array([i32(0)] * 1_000_000)])
            client.ask(frame(OFFSET_FETCH, 5, string('g') + offsets))
        whole(broker)


@attack
def idle_and_half_sent_crowds(binary):
    crowd = 2000
    with Broker(binary) as broker:
        before, descriptors = broker.memory_mb(), broker.descriptors()
        idle = [Client(broker.address) for _ in range(crowd)]
        grown(broker, before, 20, 'idle connections')
        for client in idle:
            client.send(i32(60_000) + frame(METADATA, 1, b'')[4:])
        whole(broker)
        grown(broker, before, 60, 'half a request each')
        used = broker.cpu_seconds()
        time.sleep(1)
        expect(broker.cpu_seconds() - used < 0.5, 'waiting costs processor time')
        for client in idle:
            client.close()
        whole(broker)
        expect(broker.until(lambda: broker.descriptors() < descriptors + 20), 'descriptors leak')


@attack
def answers_that_nobody_reads(binary):
    with Broker(binary) as broker, Client(broker.address) as client:
        client.create(['t'])
        one = values(b'x' * 900_000)
        for _ in range(30):
            client.produce('t', one)
        before = broker.memory_mb()
        lazy = [Client(broker.address) for _ in range(12)]
        for i, other in enumerate(lazy):
            wanted = [frame(METADATA, 1, i32(-1)), fetch('t'), fetch('t', version=0)][i % 3]
            other.socket.settimeout(0.5)
            attempt(other.send, wanted * 200)
        time.sleep(2)
        whole(broker)
        grown(broker, before, 400, 'unread answers')
        for other in lazy:
            other.close()
        whole(broker)


@attack
def long_polls_that_vanish(binary):
    with Broker(binary) as broker, Client(broker.address) as client:
        client.create(['t'], partitions=50)
        for _ in range(2):
            polls = [Client(broker.address) for _ in range(300)]
            for poll in polls:
                poll.send(fetch('t', partitions=range(50), max_wait=600_000) * 3)
            client.alive()
            for poll in polls:
                poll.close()
        expect(broker.until(lambda: broker.connections() <= 2), 'connections stay')
        client.produce('t', values(b'x'))
        whole(broker)
        used = broker.cpu_seconds()
        time.sleep(1)
        expect(broker.cpu_seconds() - used < 0.5, 'their waiters still run')


@attack
def connection_limits(binary):
    other = free_port()
    with Broker(binary, 'max.connections.per.ip=3') as broker:
        expect(broker.until(broker.is_alone), 'the connection of the start stays')
        clients = [Client(broker.address) for _ in range(3)]
        expect(all(client.alive() for client in clients), 'the allowed ones')
        with Client(broker.address) as fourth:
            expect(fourth.closed(), 'the fourth came in')
        clients[0].close()
        expect(broker.until(lambda: attempt(lambda: Client(broker.address).alive())), 'none got the free place')
    with Broker(binary, 'max.connections=1') as broker:
        broker.overrides.append(f'listeners=PLAINTEXT://127.0.0.1:{broker.port},OTHER://127.0.0.1:{other}')
        broker.overrides.append('listener.security.protocol.map=PLAINTEXT:PLAINTEXT,OTHER:PLAINTEXT')
        broker.kill()
        broker.start()
        for _ in range(3):
            first = Client(broker.address)
            first.alive()
            waiting = [Client(broker.address, 10), Client(('127.0.0.1', other), 10)]
            for client in waiting:
                client.send(frame(API_VERSIONS, 0, b''))
            first.close()
            while waiting:  # both listeners wait at the limit, and both go on
                ready = select.select([client.socket for client in waiting], [], [], 10)[0]
                expect(ready, f'{len(waiting)} of 2 listeners hang')
                client = next(client for client in waiting if client.socket in ready)
                client.answer()
                client.close()
                waiting.remove(client)


@attack
def large_requests_that_trickle(binary):
    with Broker(binary, 'queued.max.request.bytes=2000000', 'socket.request.max.bytes=2000000') as broker:
        slow = Client(broker.address)
        slow.send(i32(1_500_000) + frame(PRODUCE, 7, b'')[4:])
        ended = threading.Event()

        def trickle():
            while not ended.wait(0.3):
                attempt(slow.send, bytes(3_000))

        threading.Thread(target=trickle, daemon=True).start()
        with Client(broker.address, 50) as client:
            code, _ = client.produce('t', values(b'x' * 900_000))
            expect(code in (NONE, 3), f'{code}')
        ended.set()
        whole(broker)


class Load:
    """Producers that remember what was acknowledged, through any number of deaths of the broker."""

    def __init__(self, broker, producers=3):
        self.broker, self.ended = broker, threading.Event()
        self.acknowledged = [{} for _ in range(producers)]
        self.wrong = []
        with Client(broker.address) as client:
            client.create([f'load{i}' for i in range(producers)])
        self.threads = [threading.Thread(target=self._produce, args=(i,), daemon=True) for i in range(producers)]
        self.threads.append(threading.Thread(target=self._churn, daemon=True))
        for thread in self.threads:
            thread.start()

    def _until_ended(self, step):
        while not self.ended.is_set():
            try:
                with Client(self.broker.address, 5) as client:
                    while not self.ended.is_set():
                        step(client)
            except (OSError, ConnectionError, struct.error, IndexError):
                time.sleep(0.01)

    def _produce(self, i):
        rnd, known = random.Random(i), self.acknowledged[i]

        def step(client):
            lines = [b'%d %d ' % (i, rnd.randrange(1 << 60)) + bytes(rnd.randrange(200)) for _ in range(rnd.randrange(1, 20))]
            code, base = client.produce(f'load{i}', values(*lines), acks=1 if i % 2 else -1)
            if code != NONE:
                return
            for offset, line in enumerate(lines, base):
                if known.setdefault(offset, line) is not line:
                    self.wrong.append(f'load{i}: offset {offset} was given twice')

        self._until_ended(step)

    def _churn(self):
        count = [0]

        def step(client):
            count[0] += 1
            topic = f'churn{count[0] % 5}'
            client.create([topic], partitions=2)
            client.produce(topic, values(b'x'))
            client.delete([topic])

        self._until_ended(step)

    def end(self):
        self.ended.set()
        for thread in self.threads:
            thread.join(30)

    def check(self):
        for i, known in enumerate(self.acknowledged):
            found, at = {}, 0
            with Client(self.broker.address) as client:
                end = client.end_offset(f'load{i}')[1]
                while at < end:
                    for offset, value in self._records(client, f'load{i}', at):
                        found[offset] = value
                    expect(max(found, default=-1) >= at, f'load{i}: nothing to read at {at} of {end}')
                    at = max(found) + 1
            lost = [offset for offset, value in known.items() if found.get(offset) != value]
            expect(not lost, f'load{i}: {len(lost)} of {len(known)} acknowledged records are lost, the first at {lost[:1]}')
        expect(not self.wrong, self.wrong[:1])
        return sum(len(known) for known in self.acknowledged)

    @staticmethod
    def _records(client, topic, offset):
        answer = client.ask(fetch(topic, offset, partition_bytes=1 << 20))
        at = 4 + 4 + 2 + len(topic) + 4 + 4 + 2 + 8 + 8
        at += 4 + max(0, struct.unpack_from('>i', answer, at)[0]) * 16
        size = struct.unpack_from('>i', answer, at)[0]
        return record_values(answer[at + 4:at + 4 + size])


BUSY = ('log.segment.bytes=300000', 'log.segment.delete.delay.ms=100', 'log.initial.task.delay.ms=100',
        'log.retention.check.interval.ms=300', 'log.flush.offset.checkpoint.interval.ms=300')


@attack
def killed_again_and_again(binary):
    rnd = random.Random(int(os.environ.get('SEED', '7')))
    with Broker(binary, *BUSY) as broker:
        load = Load(broker)
        for _ in range(int(os.environ.get('HOSTILE_KILLS', '8'))):
            time.sleep(rnd.random())
            broker.kill()
            broker.start()
        load.end()
        print(load.check(), 'records were acknowledged')
        whole(broker)


@attack
def terminated_under_load(binary):
    with Broker(binary, *BUSY) as broker:
        load = Load(broker)
        for _ in range(3):
            time.sleep(0.7)
            expect(broker.stop(60) == 0, 'the exit status of SIGTERM')
            broker.start()
            expect('not closed cleanly' not in broker.log(), 'a graceful stop left no mark')
        load.end()
        print(load.check(), 'records were acknowledged')
        whole(broker)


@attack
def told_to_stop_while_it_starts(binary):
    rnd = random.Random(int(os.environ.get('SEED', '11')))
    partitions = 1000
    with Broker(binary) as broker:
        with Client(broker.address, 60) as client:
            client.create(['t'], partitions=partitions)
            one = values(b'x')
            for n in range(partitions):
                expect(client.produce('t', one, partition=n)[0] == NONE, f'partition {n}')
        broker.kill()
        for _ in range(12):
            broker.start(wait=False)
            time.sleep(rnd.uniform(0, 0.6))
            begin = time.monotonic()
            status = broker.stop()
            said = 'Stopped' in broker.log() or status == -signal.SIGTERM  # before it listened to signals
            expect(status in (0, -signal.SIGTERM) and said, f'it ended with {status}:\n{broker.log()[-1000:]}')
            expect(time.monotonic() - begin < 10 * FACTOR, 'it took its time to stop')
        broker.start()
        with Client(broker.address, 60) as client:
            lost = [n for n in range(partitions) if client.end_offset('t', partition=n) != (NONE, 1)]
            expect(not lost, f'{len(lost)} partitions lost their record: {lost[:5]}')
        expect(broker.stop() == 0, 'the stop')
        broker.start()
        expect('not clean' not in broker.log(), 'the stop was not clean')
        whole(broker)


@attack
def told_to_stop_while_it_works_on_a_long_request(binary):
    """A hundred thousand changes, each written by itself, don't hold up the stop."""
    entry = array([string('user') + string('%d')])
    ops = array([string('producer_byte_rate') + struct.pack('>d?', 1e9, False)])
    entries = [entry.replace(b'\0\2%d', string(f'{n:06}')) + ops for n in range(100_000)]
    with Broker(binary) as broker:
        with Client(broker.address) as client:
            client.send(frame(ALTER_CLIENT_QUOTAS, 0, array(entries) + b'\0'))
            time.sleep(1)
            begin = time.monotonic()
            expect(broker.stop(60) == 0, 'the exit status of SIGTERM')
            expect(time.monotonic() - begin < 15 * FACTOR, 'it took its time to stop')
        broker.start()
        expect('not clean' not in broker.log(), 'the stop was not clean')
        whole(broker)


@attack
def too_little_memory(binary):
    """A limited address space (ulimit -v) ends the start, or the broker, with a sentence and no core dump."""
    for megabytes in (24, 32, 48, 64, 96, 128, 192):
        broker = Broker(binary, limits=[(resource.RLIMIT_AS, megabytes << 20)])
        broker.start(wait=False)
        if not broker.until(broker.answers, 30):
            expect(broker.process.wait(30) in (1, 127), f'{megabytes} MB: it ended with {broker.process.returncode}')
            said = broker.log()
            # 127 is the loader's: there was not even room for the program.
            expect('memory' in said or 'thread' in said or broker.process.returncode == 127, f'{megabytes} MB: {said[-500:]}')
        broker.kill()


@attack
def signals(binary):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with Broker(binary) as broker:
            broker.signal(number)
            expect(broker.process.wait(30) == 0 and number.name in broker.log(), f'{number.name}: {broker.log()[-200:]}')
    with Broker(binary) as broker:
        for number in (signal.SIGPIPE, signal.SIGCONT, signal.SIGWINCH, signal.SIGURG, signal.SIGCHLD):
            broker.signal(number)
        whole(broker)
        with Client(broker.address) as client:
            client.send(fetch('afterwards', 1, max_wait=600_000))
            broker.signal(signal.SIGSTOP)
            time.sleep(0.3)
            broker.signal(signal.SIGCONT)
            whole(broker)


@attack
def few_descriptors(binary):
    with Broker(binary, limits=[(resource.RLIMIT_NOFILE, 200)]) as broker, Client(broker.address) as early:
        crowd = []
        for _ in range(250):
            attempt(lambda: crowd.append(Client(broker.address, 0.2)))
        used = broker.cpu_seconds()
        time.sleep(1)
        expect(broker.cpu_seconds() - used < 0.5, 'accepting in a busy loop')
        expect(early.create(['t'], partitions=60) == [NONE], 'no topic beside a crowd')
        outcomes = {early.produce('t', values(b'x'), partition=n % 60)[0] for n in range(120)}
        expect(outcomes == {NONE}, f'no files beside a crowd: {outcomes}')
        expect('ulimit -n' in broker.log(), 'no word about the cause')
        for client in crowd:
            client.close()
        whole(broker)


@attack
def files_that_may_not_grow(binary):
    with Broker(binary, limits=[(resource.RLIMIT_FSIZE, 3 << 20)]) as broker, Client(broker.address) as client:
        client.create(['t'])
        outcomes = [client.produce('t', values(b'x' * 700_000)) for _ in range(8)]
        kept = sum(code == NONE for code, _ in outcomes)
        expect(0 < kept < 8 and all(code in (NONE, STORAGE) for code, _ in outcomes), outcomes)
        expect(client.end_offset('t') == (NONE, kept), 'what was refused left a trace')
        expect(broker.running(), 'it ended')


@attack
def topics_made_and_deleted(binary):
    with Broker(binary, 'log.segment.delete.delay.ms=100') as broker, Client(broker.address) as client:
        before = broker.descriptors()
        for n in range(100):
            expect(client.create(['same', f'n{n}'], partitions=2) == [0, 0], f'round {n}')
            expect(client.produce('same', values(b'x')) == (NONE, 0), f'round {n}: an old log came back')
            expect(client.delete(['same', f'n{n}']) == [0, 0], f'round {n}')
        expect(broker.until(lambda: broker.descriptors() < before + 20), 'descriptors leak')
        expect(broker.until(lambda: not [d for d in os.listdir(broker.data) if d.endswith('-delete')]), 'directories stay')
        whole(broker)


def commit(group, topic, metadata='', version=2):
    parts = array([string(topic) + array([i32(0) + i64(5) + string(metadata)])])
    return frame(OFFSET_COMMIT, version, string(group) + i32(-1) + string('') + i64(-1) + parts)


def join(group, member='', session=10_000, metadata=b'', protocols=1):
    return frame(JOIN_GROUP, 2, string(group) + i32(session) + i32(session) + string(member) + string('consumer') +
                 array([string(f'range{n}') + blob(metadata) for n in range(protocols)]))


@attack
def groups(binary):
    with Broker(binary, 'offsets.topic.num.partitions=5', 'group.min.session.timeout.ms=100') as broker, \
            Client(broker.address) as client:
        client.create(['t'])
        client.ask(frame(FIND_COORDINATOR, 0, string('g')))
        before = broker.memory_mb()
        for n in range(2000):
            expect(client.ask(commit(f'g{n}', 't')).endswith(i16(NONE)), f'commit of group {n}')
        grown(broker, before, 30, 'two thousand groups')
        expect(client.ask(commit('g', 't', 'm' * 30_000)).endswith(i16(12)), 'metadata too large')
        client.ask(commit('g', 'no-such-topic'))
        expect(client.ask(commit('', 't'))[-2:] != i16(-1), 'the empty group')
        for n in range(100):  # members that join and vanish
            with Client(broker.address) as member:
                member.send(join(f'v{n % 3}', session=100, metadata=bytes(5_000), protocols=20))
        client.ask(join('x', member='never-heard-of'))
        whole(broker)
        broker.kill()
        broker.start()
        with Client(broker.address) as again:
            for n in range(0, 2000, 50):
                answer = again.ask(frame(OFFSET_FETCH, 1, string(f'g{n}') + array([string('t') + array([i32(0)])])))
                expect(i64(5) in answer, f'the offset of group {n} is lost: {answer}')


@attack
def starts_that_cannot_be(binary):
    def refused(said, *overrides, data=None):
        broker = Broker(binary, *overrides, data=data)
        broker.start(wait=False)
        status = broker.process.wait(30)
        expect(status in (1, 2) and said in broker.log(), f'{overrides}: {status}, {broker.log()[-300:]}')

    with Broker(binary) as broker:
        refused('already in use', f'listeners=PLAINTEXT://127.0.0.1:{broker.port}')
        refused('already in use', f'http.listener=127.0.0.1:{broker.http}')
        refused('in use by another process', data=broker.data)
        whole(broker)
    refused('cannot be resolved', 'listeners=PLAINTEXT://no-such-host.invalid:9092')
    refused('Cannot assign', 'listeners=PLAINTEXT://192.0.2.1:9092')
    refused('No security protocol', 'listeners=ODD://127.0.0.1:0')
    refused('0 to 65535', 'listeners=PLAINTEXT://127.0.0.1:70000')
    refused('meta-address', 'advertised.listeners=PLAINTEXT://0.0.0.0:9092')
    refused('num.partitions', 'num.partitions=0')
    refused('/proc/nowhere', data='/proc/nowhere')


@attack
def the_http_listener(binary):
    def raw(data):
        with Client(('127.0.0.1', broker.http), 10) as client:
            client.send(data)
            return client.socket.recv(100)

    with Broker(binary) as broker:
        end = b'Host: x\r\nConnection: close\r\n\r\n'
        for status, data in {200: b'GET /healthz HTTP/1.1\r\n' + end, 404: b'GET /../etc/passwd HTTP/1.1\r\n' + end,
                             405: b'DELETE / HTTP/1.1\r\n' + end, 400: b'GET / HTTP/1.1\r\nX: ' + b'y' * 50_000 + b'\r\n\r\n'}.items():
            expect(raw(data).startswith(b'HTTP/1.1 %d' % status), status)
        expect(raw(frame(API_VERSIONS, 0, b'')).startswith(b'HTTP/1.1 400'), 'Kafka on the HTTP port')
        slow = [Client(('127.0.0.1', broker.http)) for _ in range(200)]
        for client in slow:
            attempt(client.send, b'GET /heal')
        expect(raw(b'GET /healthz HTTP/1.1\r\n' + end).startswith(b'HTTP/1.1 200'), 'slow clients keep others out')
        expect(broker.descriptors() < 120, 'slow clients pile up')
        for client in slow:
            client.close()
        whole(broker)


@attack
def silent_misconfigurations(binary):
    """What a broker should say unasked: an advertised address that nobody comes to, and records that are too old."""
    with Broker(binary, 'advertised.listeners=PLAINTEXT://unreachable.invalid:9092') as broker:
        with Client(broker.address) as stuck, Client(broker.address) as fine:
            stuck.ask(frame(METADATA, 4, array([string('t')]) + b'\x01', client='stuck'))
            fine.ask(frame(METADATA, 4, array([string('t')]) + b'\x01', client='fine'))
            for _ in range(2):
                fine.produce('t', values(b'x', timestamp=1_600_000_000_000))
            expect(broker.until(lambda: 'advertised.listeners' in broker.log()), 'nothing about the advertised address')
        log = broker.log()
        expect('"stuck"' in log and '"fine"' not in log, log[-500:])
        expect(log.count('2020-09-13') == 1 and 'retention.ms' in log, 'nothing, or too much, about old records')


def main():
    if sys.argv[1:] == ['list']:
        print('\n'.join(function.__name__ for function in ATTACKS))
        return
    binary, name = sys.argv[1:]
    {function.__name__: function for function in ATTACKS}[name](binary)


main()
