"""Publishes to the topic "orders" and receives from "orders-sub", as the account of
GOOGLE_APPLICATION_CREDENTIALS, at ENDPOINT, whose certificate GRPC_DEFAULT_SSL_ROOTS_FILE_PATH
vouches for."""

import os
import sys

from google.api_core.exceptions import GoogleAPICallError
from google.cloud import pubsub_v1

project = os.environ["GOOGLE_CLOUD_PROJECT"]
options = {"api_endpoint": os.environ["ENDPOINT"]}

try:
    publisher = pubsub_v1.PublisherClient(client_options=options)
    topic = publisher.topic_path(project, "orders")
    publisher.publish(topic, b"from Python").result(timeout=30)
    subscriber = pubsub_v1.SubscriberClient(client_options=options)
    subscription = subscriber.subscription_path(project, "orders-sub")
    answer = subscriber.pull(subscription=subscription, max_messages=1, timeout=30)
    ack_ids = [each.ack_id for each in answer.received_messages]
    subscriber.acknowledge(subscription=subscription, ack_ids=ack_ids)
    for each in answer.received_messages:
        print(each.message.data.decode())
except GoogleAPICallError as error:
    print("refused", error.grpc_status_code.value[0])
sys.stdout.flush()
