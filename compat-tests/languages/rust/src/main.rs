//! Two Rust clients against a broker: rskafka, which speaks the versions of today, and kafka (kafka-rust), which speaks the
//! oldest ones: Produce, Fetch, Metadata and offsets at version 0, message format v0.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use kafka::consumer::{Consumer, FetchOffset, GroupOffsetStorage};
use kafka::producer::{Compression as OldCompression, Producer, Record as OldRecord, RequiredAcks};
use rskafka::client::partition::{Compression, OffsetAt, UnknownTopicHandling};
use rskafka::client::ClientBuilder;
use rskafka::record::Record;

type Outcome = Result<(), Box<dyn std::error::Error>>;

const CODECS: [Compression; 5] =
    [Compression::NoCompression, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];

fn record(codec: usize, number: usize) -> Record {
    Record {
        key: Some(format!("k{number}").into_bytes()),
        value: Some(format!("value {number}").into_bytes()),
        headers: BTreeMap::from([("codec".to_owned(), codec.to_string().into_bytes())]),
        timestamp: chrono::Utc::now(),
    }
}

async fn new_client(bootstrap: &str, topic: &str) -> Outcome {
    let client = ClientBuilder::new(vec![bootstrap.to_owned()]).build().await?;
    client.controller_client()?.create_topic(topic, 2, 1, 5_000).await?;
    assert!(client.list_topics().await?.iter().any(|known| known.name == topic && known.partitions.len() == 2));
    let partition = client.partition_client(topic, 0, UnknownTopicHandling::Error).await?;
    for (index, codec) in CODECS.into_iter().enumerate() {
        let offsets = partition.produce((0..100).map(|number| record(index, number)).collect(), codec).await?;
        assert_eq!(offsets, (index as i64 * 100..index as i64 * 100 + 100).collect::<Vec<_>>());
    }
    assert_eq!(partition.get_offset(OffsetAt::Latest).await?, 500);
    let mut next = 0;
    while next < 500 {
        let (records, high_watermark) = partition.fetch_records(next, 1..50_000, 1_000).await?;
        assert_eq!(high_watermark, 500);
        for found in records {
            assert_eq!(found.offset, next);
            assert_eq!(found.record.headers["codec"], (next / 100).to_string().into_bytes());
            assert_eq!(found.record.value, Some(format!("value {}", next % 100).into_bytes()));
            next += 1;
        }
    }
    partition.delete_records(100, 5_000).await?;
    assert_eq!(partition.get_offset(OffsetAt::Earliest).await?, 100);
    client.controller_client()?.delete_topic(topic, 5_000).await?;
    Ok(())
}

fn old_client(bootstrap: &str, topic: &str) -> Outcome {
    let hosts = vec![bootstrap.to_owned()];
    for (index, codec) in [OldCompression::NONE, OldCompression::GZIP, OldCompression::SNAPPY].into_iter().enumerate() {
        let mut producer = Producer::from_hosts(hosts.clone())
            .with_compression(codec)
            .with_required_acks(RequiredAcks::All)
            .with_ack_timeout(Duration::from_secs(5))
            .create()?;
        let values: Vec<String> = (0..100).map(|number| format!("{index} {number}")).collect();
        let records: Vec<_> = values.iter().map(|value| OldRecord::from_key_value(topic, value.as_str(), value.as_str())).collect();
        for confirmed in producer.send_all(&records)? {
            for partition in confirmed.partition_confirms {
                partition.offset.map_err(|code| format!("partition {}: {code:?}", partition.partition))?;
            }
        }
    }
    let consumer = |storage| {
        Consumer::from_hosts(hosts.clone())
            .with_topic(topic.to_owned())
            .with_group(format!("g-{topic}"))
            .with_fallback_offset(FetchOffset::Earliest)
            .with_offset_storage(Some(storage))
            .create()
    };
    let mut first = consumer(GroupOffsetStorage::Kafka)?;
    let mut seen = HashSet::new();
    let deadline = Instant::now() + Duration::from_secs(30);
    while seen.len() < 300 && Instant::now() < deadline {
        for set in first.poll()?.iter() {
            seen.extend(set.messages().iter().map(|message| message.value.to_vec()));
            first.consume_messageset(set)?;
        }
        first.commit_consumed()?;
    }
    let missing: Vec<String> = (0..3)
        .flat_map(|codec| (0..100).map(move |number| format!("{codec} {number}")))
        .filter(|value| !seen.contains(value.as_bytes()))
        .collect();
    assert!(missing.is_empty(), "missing: {missing:?}");
    // The commits stand at the end: another consumer of the group finds nothing.
    assert!(consumer(GroupOffsetStorage::Kafka)?.poll()?.is_empty());
    Ok(())
}

fn main() -> Outcome {
    let bootstrap = std::env::args().nth(1).expect("host:port");
    let suffix = chrono::Utc::now().timestamp_millis();
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        new_client(&bootstrap, &format!("rust-{suffix}")).await?;
        // The old client expects its topic.
        let client = ClientBuilder::new(vec![bootstrap.clone()]).build().await?;
        client.controller_client()?.create_topic(format!("rust-old-{suffix}"), 3, 1, 5_000).await?;
        Ok::<(), Box<dyn std::error::Error>>(())
    })?;
    println!("rskafka: ok");
    old_client(&bootstrap, &format!("rust-old-{suffix}"))?;
    println!("kafka-rust: ok");
    Ok(())
}
