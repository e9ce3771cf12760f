"""Publishes and pulls over REST with the standard library alone: any language can.

Usage: python3 smoke.py URL COUNT. Prints one line of JSON: what was sent, received and left.
"""

import base64
import json
import sys
import urllib.error
import urllib.parse
import urllib.request

URL, COUNT = sys.argv[1], int(sys.argv[2])
TOPIC = "projects/python/topics/smoke"
SUBSCRIPTION = "projects/python/subscriptions/smoke%sub"


def call(method, path, body=None):
    """The answer of a method, or the error's status and message."""
    data = None if body is None else json.dumps(body).encode()
    url = f"{URL}/v1/{urllib.parse.quote(path, safe='/:?=&')}"
    request = urllib.request.Request(url, data=data, method=method)
    request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as error:
        refusal = json.load(error)["error"]
        return {"status": refusal["status"], "message": refusal["message"]}


def main():
    call("PUT", TOPIC, {"labels": {"from": "python"}})
    call("PUT", SUBSCRIPTION, {"topic": TOPIC, "ackDeadlineSeconds": 60})
    sent = {f"record {n} \u00e9\U0001f600" for n in range(COUNT)}
    batch = [
        {"data": base64.b64encode(text.encode()).decode(), "attributes": {"n": str(at)}}
        for at, text in enumerate(sorted(sent))
    ]
    ids = call("POST", f"{TOPIC}:publish", {"messages": batch})["messageIds"]
    received, ack_ids = set(), []
    while len(received) < COUNT:
        answer = call("POST", f"{SUBSCRIPTION}:pull", {"maxMessages": 100})
        for each in answer.get("receivedMessages", []):
            received.add(base64.b64decode(each["message"]["data"]).decode())
            ack_ids.append(each["ackId"])
    call("POST", f"{SUBSCRIPTION}:acknowledge", {"ackIds": ack_ids})
    left = call("POST", f"{SUBSCRIPTION}:pull", {"maxMessages": 1, "returnImmediately": True})
    call("DELETE", SUBSCRIPTION)
    print(
        json.dumps(
            {
                "ids": len(set(ids)),
                "isWhole": received == sent,
                "left": left,
                "afterDelete": call("GET", SUBSCRIPTION),
            }
        )
    )


main()
