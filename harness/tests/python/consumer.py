"""A user's own consumer: one file an order. COMMIT_FIRST=1 is the classic mistake: it commits before the effect."""

import os
import pathlib
import time

from kafka import KafkaConsumer

folder = pathlib.Path(os.environ["SHIPMENTS"])
folder.mkdir(parents=True, exist_ok=True)
commit_first = os.environ.get("COMMIT_FIRST") == "1"
consumer = KafkaConsumer(
    os.environ["TOPIC"],
    bootstrap_servers=os.environ["KAFKA_BOOTSTRAP"].split(","),
    group_id="shipping",
    enable_auto_commit=False,
    auto_offset_reset="earliest",
    session_timeout_ms=6000,
    heartbeat_interval_ms=1000,
    max_poll_records=200,
    fetch_min_bytes=1 << 20,
    fetch_max_wait_ms=20,
)
print("consumer is ready", flush=True)

while True:
    polled = consumer.poll(timeout_ms=200)
    if not polled:
        continue
    if commit_first:
        consumer.commit()
    for records in polled.values():
        for record in records:
            name = dict(record.headers)["order-id"].decode()
            time.sleep(0.012)
            partial = folder / f".{name}"
            partial.write_bytes(record.value)
            partial.rename(folder / name)
    if not commit_first:
        consumer.commit()
