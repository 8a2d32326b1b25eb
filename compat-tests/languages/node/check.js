// KafkaJS against a broker: produce, consume in a group, admin.
import assert from 'node:assert';
import kafkajs from 'kafkajs';

const { CompressionTypes, ConfigResourceTypes, Kafka, logLevel } = kafkajs;

const kafka = new Kafka({ clientId: 'compat', brokers: [process.argv[2]], logLevel: logLevel.ERROR });
const topic = `node-${Date.now()}`;
const admin = kafka.admin();
await admin.connect();
assert(await admin.createTopics({ topics: [{ topic, numPartitions: 2 }] }));
const cluster = await admin.describeCluster();
assert.equal(cluster.brokers.length, 1);
const configs = await admin.describeConfigs({ includeSynonyms: true, resources: [{ type: ConfigResourceTypes.TOPIC, name: topic }] });
assert(configs.resources[0].configEntries.length > 20);

const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
await producer.connect();
for (const compression of [CompressionTypes.None, CompressionTypes.GZIP]) {
  const messages = Array.from({ length: 500 }, (_, i) => ({ key: `k${i}`, value: `value ${i}`, headers: { n: String(i) } }));
  const answers = await producer.send({ topic, compression, acks: -1, messages });
  assert(answers.every((answer) => answer.errorCode === 0));
}
await producer.disconnect();

const consumer = kafka.consumer({ groupId: `g-${topic}` });
await consumer.connect();
await consumer.subscribe({ topic, fromBeginning: true });
const seen = [];
await new Promise((resolve, reject) => {
  const timer = setTimeout(() => reject(new Error(`only ${seen.length} messages in 20 s`)), 20000);
  consumer.run({
    eachMessage: async ({ message }) => {
      seen.push(message.value.toString());
      if (seen.length === 1000) {
        clearTimeout(timer);
        resolve();
      }
    },
  });
});
await consumer.stop();
await consumer.disconnect();
const ends = await admin.fetchTopicOffsets(topic);
assert.equal(ends.reduce((sum, end) => sum + Number(end.high), 0), 1000);
const committed = await admin.fetchOffsets({ groupId: `g-${topic}`, topics: [topic] });
assert.equal(committed[0].partitions.reduce((sum, p) => sum + Math.max(0, Number(p.offset)), 0), 1000);
await admin.deleteGroups([`g-${topic}`]);
await admin.deleteTopics({ topics: [topic] });
await admin.disconnect();
console.log('KafkaJS: ok');
