"""kafka-python told to speak as brokers of long ago expect it: every request in the versions of that time.

Each era writes and reads a topic of its own, in a group where the era has groups; then the newest reads what all wrote, and
each reads what the newest wrote.
"""

import sys
import uuid

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

ERAS = [(0, 8, 2), (0, 9), (0, 10, 0), (0, 10, 2), (0, 11), (1, 1), (2, 0), (2, 4)]
CODECS = (None, "gzip", "snappy", "lz4")
bootstrap = sys.argv[1]
run = uuid.uuid4().hex[:8]


def write(topic, era):
    for codec in CODECS:
        producer = KafkaProducer(bootstrap_servers=bootstrap, api_version=era, compression_type=codec, acks="all")
        sent = [producer.send(topic, key=b"key", value=b"%s %d" % ((codec or "none").encode(), i), partition=0) for i in range(50)]
        producer.flush()
        offsets = [future.get(timeout=10).offset for future in sent]
        assert offsets == sorted(set(offsets)), (era, codec, offsets)
        producer.close()


def read(topic, era, group=None):
    settings = {"group_id": group, "enable_auto_commit": False} if group else {}
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, api_version=era, auto_offset_reset="earliest", consumer_timeout_ms=20000, **settings)
    partition = TopicPartition(topic, 0)
    if group:
        consumer.subscribe([topic])
    else:
        consumer.assign([partition])
        consumer.seek_to_beginning(partition)
    seen = []
    for record in consumer:
        seen.append(record.value)
        if len(seen) == 50 * len(CODECS):
            break
    assert seen == [b"%s %d" % ((codec or "none").encode(), i) for codec in CODECS for i in range(50)], (topic, era, len(seen))
    if group:
        consumer.commit()
        assert consumer.committed(partition) == len(seen), (era, consumer.committed(partition))
    consumer.close()


newest_topic = f"newest-{run}"
write(newest_topic, None)
for era in ERAS:
    name = ".".join(str(part) for part in era)
    topic = f"era-{name}-{run}"
    write(topic, era)
    read(topic, era, f"g-{topic}" if era >= (0, 9) else None)
    read(newest_topic, era)
    read(topic, None, f"newest-g-{topic}")
    print(name, "ok")
