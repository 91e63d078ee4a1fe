"""A user's own producer: POST /order puts one record on the bus and answers once the broker has it."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from kafka import KafkaProducer

producer = KafkaProducer(bootstrap_servers=os.environ["KAFKA_BOOTSTRAP"].split(","), acks="all", linger_ms=1)
topic = os.environ["TOPIC"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(200, {"ready": producer.bootstrap_connected()})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            order = json.loads(body)
            key = str(order["customer"]).encode()
        except (ValueError, KeyError, TypeError) as error:
            return self.answer(400, {"error": str(error)})
        headers = [("order-id", self.headers["order-id"].encode())]
        try:
            stored = producer.send(topic, body, key=key, headers=headers).get(timeout=10)
        except Exception as error:  # the broker did not answer: nobody knows
            return self.answer(504, {"error": str(error)})
        self.answer(201, {"partition": stored.partition, "offset": stored.offset})

    def answer(self, status, value):
        text = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
