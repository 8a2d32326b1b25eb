"""kafka-python against a broker: produce, consume, groups, admin, an old protocol version."""

import sys
import uuid

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic

bootstrap = sys.argv[1]
topic = f"python-{uuid.uuid4().hex[:8]}"

admin = KafkaAdminClient(bootstrap_servers=bootstrap)
admin.create_topics([NewTopic(topic, 2, 1)])
assert topic in admin.list_topics()
admin.create_partitions({topic: NewPartitions(3)})
assert len(admin.describe_topics([topic])[0]["partitions"]) == 3
admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])

for codec in (None, "gzip", "snappy", "lz4", "zstd"):
    producer = KafkaProducer(bootstrap_servers=bootstrap, compression_type=codec, acks="all")
    for i in range(200):
        producer.send(topic, key=str(i).encode(), value=b"value %d" % i, partition=i % 3, headers=[("codec", (codec or "none").encode())])
    producer.flush()
    producer.close()

consumer = KafkaConsumer(topic, bootstrap_servers=bootstrap, group_id=f"g-{topic}", auto_offset_reset="earliest",
                         enable_auto_commit=False, consumer_timeout_ms=10000)
seen = []
for record in consumer:
    seen.append(record)
    if len(seen) == 1000:
        break
assert len(seen) == 1000, len(seen)
assert {record.headers[0][1] for record in seen} == {b"none", b"gzip", b"snappy", b"lz4", b"zstd"}
consumer.commit()
partition = TopicPartition(topic, 0)
committed = consumer.committed(partition)
assert committed == consumer.end_offsets([partition])[partition], committed
consumer.close()

offsets = admin.list_consumer_group_offsets(f"g-{topic}")
assert offsets[partition].offset == committed

old = KafkaProducer(bootstrap_servers=bootstrap, api_version=(0, 10, 0))
old.send(topic, b"from an old client", partition=0).get(timeout=10)
old.close()
reader = KafkaConsumer(bootstrap_servers=bootstrap, api_version=(0, 10, 0), consumer_timeout_ms=5000)
reader.assign([partition])
reader.seek(partition, committed)
assert next(reader).value == b"from an old client"
reader.close()
admin.delete_topics([topic])
admin.close()
print("kafka-python: ok")
