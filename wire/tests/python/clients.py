"""Three Python clients against a running cluster: produce, consume, groups, admin. By hand:

    cargo run -p squall-wire --example serve -- 9092 3 group.initial.rebalance.delay.ms=0
    pip install kafka-python-ng confluent-kafka aiokafka
    python wire/tests/python/clients.py 127.0.0.1:9092
"""

import asyncio
import sys
import time

BOOTSTRAP = sys.argv[1]
COUNT = 500
RUN = int(time.time())
KAFKA_PYTHON, CONFLUENT, AIOKAFKA = (f"{name}-{RUN}" for name in ("kafka-python", "confluent", "aiokafka"))


def values(name):
    return sorted(f"{name}-{n}" for n in range(COUNT))


def kafka_python():
    from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
    from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic

    admin = KafkaAdminClient(bootstrap_servers=BOOTSTRAP)
    admin.create_topics([NewTopic(KAFKA_PYTHON, 3, 3)])
    producer = KafkaProducer(bootstrap_servers=BOOTSTRAP, acks="all", compression_type="gzip")
    sent = [producer.send(KAFKA_PYTHON, value.encode()) for value in values("kp")]
    for future in sent:
        future.get(timeout=20)
    consumer = KafkaConsumer(
        KAFKA_PYTHON, bootstrap_servers=BOOTSTRAP, group_id=KAFKA_PYTHON, auto_offset_reset="earliest",
        enable_auto_commit=False, consumer_timeout_ms=20000)
    got = []
    for message in consumer:
        got.append(message.value.decode())
        if len(got) == COUNT:
            break
    assert sorted(got) == values("kp"), len(got)
    consumer.commit()
    described = admin.describe_consumer_groups([KAFKA_PYTHON])
    assert described[0].state == "Stable", described
    offsets = admin.list_consumer_group_offsets(KAFKA_PYTHON)
    assert sum(o.offset for o in offsets.values()) == COUNT, offsets
    assert (KAFKA_PYTHON, "consumer") in admin.list_consumer_groups()
    consumer.close()
    admin.create_partitions({KAFKA_PYTHON: NewPartitions(5)})
    configs = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, KAFKA_PYTHON)])
    assert configs[0].resources[0][0] == 0, configs
    assert len(admin.describe_cluster()["brokers"]) == 3
    admin.delete_consumer_groups([KAFKA_PYTHON])
    admin.delete_topics([KAFKA_PYTHON])
    admin.close()


def confluent():
    from confluent_kafka import Consumer, Producer, TopicPartition
    from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic, OffsetSpec

    base = {"bootstrap.servers": BOOTSTRAP}
    admin = AdminClient(base)
    admin.create_topics([NewTopic(CONFLUENT, 3, 3, config={"min.insync.replicas": "2"})])[CONFLUENT].result(20)
    errors = []
    producer = Producer({**base, "enable.idempotence": True, "compression.type": "zstd"})
    for value in values("ck"):
        producer.produce(CONFLUENT, value.encode(), on_delivery=lambda e, m: e and errors.append(e))
    assert producer.flush(20) == 0 and not errors, errors
    consumer = Consumer({**base, "group.id": CONFLUENT, "auto.offset.reset": "earliest",
                         "partition.assignment.strategy": "cooperative-sticky", "enable.auto.commit": False})
    consumer.subscribe([CONFLUENT])
    got, until = [], time.time() + 30
    while len(got) < COUNT and time.time() < until:
        for message in consumer.consume(500, 0.2):
            assert not message.error(), message.error()
            got.append(message.value().decode())
    assert sorted(got) == values("ck"), len(got)
    consumer.commit(asynchronous=False)
    committed = consumer.committed([TopicPartition(CONFLUENT, p) for p in range(3)], 20)
    assert sum(max(0, p.offset) for p in committed) == COUNT, committed
    groups = admin.list_consumer_groups().result(20)
    assert CONFLUENT in [g.group_id for g in groups.valid] and not groups.errors, groups
    described = admin.describe_consumer_groups([CONFLUENT])[CONFLUENT].result(20)
    assert len(described.members) == 1 and described.members[0].assignment.topic_partitions, described
    latest = admin.list_offsets({TopicPartition(CONFLUENT, p): OffsetSpec.latest() for p in range(3)})
    assert sum(f.result(20).offset for f in latest.values()) == COUNT
    configs = admin.describe_configs([ConfigResource("topic", CONFLUENT), ConfigResource("broker", "1")])
    topic, broker = (f.result(20) for f in configs.values())
    assert topic["min.insync.replicas"].value == "2" and broker, (topic, broker)
    assert len(admin.describe_cluster().result(20).nodes) == 3
    admin.create_partitions([NewPartitions(CONFLUENT, 4)])[CONFLUENT].result(20)
    consumer.close()
    admin.delete_consumer_groups([CONFLUENT])[CONFLUENT].result(20)
    admin.delete_topics([CONFLUENT])[CONFLUENT].result(20)


async def aio():
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic

    admin = AIOKafkaAdminClient(bootstrap_servers=BOOTSTRAP)
    await admin.start()
    await admin.create_topics([NewTopic(AIOKAFKA, 3, 3)])
    producer = AIOKafkaProducer(bootstrap_servers=BOOTSTRAP, enable_idempotence=True)
    await producer.start()
    for future in [await producer.send(AIOKAFKA, value.encode()) for value in values("ai")]:
        await future
    await producer.stop()
    consumer = AIOKafkaConsumer(AIOKAFKA, bootstrap_servers=BOOTSTRAP, group_id=AIOKAFKA,
                                auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    got = []
    while len(got) < COUNT:
        got.append((await asyncio.wait_for(consumer.getone(), 20)).value.decode())
    assert sorted(got) == values("ai"), len(got)
    await consumer.commit()
    await consumer.stop()
    offsets = await admin.list_consumer_group_offsets(AIOKAFKA)
    assert sum(o.offset for o in offsets.values()) == COUNT, offsets
    await admin.delete_topics([AIOKAFKA])
    await admin.close()


for name, run in [("kafka-python-ng", kafka_python), ("confluent-kafka", confluent), ("aiokafka", lambda: asyncio.run(aio()))]:
    if len(sys.argv) > 2 and name not in sys.argv[2:]:
        continue
    began = time.time()
    run()
    print(f"{name}: ok in {time.time() - began:.1f} s")
