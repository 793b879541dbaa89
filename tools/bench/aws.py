"""moto's server with a route that adds many API keys at once, for the bench.

    python aws.py -H 127.0.0.1 -p 5055
    curl -X POST 'http://127.0.0.1:5055/_bench/keys?table=cantila-billing&count=1000000'

The keys are copies of an existing key under random hashes. The route inserts them directly into moto's model of the
table, because a million requests would take an hour. Reads still use moto's `get_item`.
"""

import argparse
import copy
import json
import secrets
import signal
import sys
from urllib.parse import parse_qs

from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.server import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import run_simple


def fill(name, count):
    """Adds copies until the table has `count` keys, and returns the number of keys."""
    table = dynamodb_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].tables[name]
    keys = [hash_key for hash_key in table.items if hash_key.value.startswith("KEY#")]
    pattern = table.items[keys[0]]
    (range_key, item), = pattern.items()
    for _ in range(count - len(keys)):
        hash_key = DynamoType({"S": f"KEY#{secrets.token_hex(32)}"})
        one = copy.copy(item)
        one.hash_key = hash_key
        table.items[hash_key] = {range_key: one}
    return {"keys": max(count, len(keys))}


def application(moto):
    def answer(environ, start_response):
        if environ["PATH_INFO"] != "/_bench/keys":
            return moto(environ, start_response)
        query = parse_qs(environ["QUERY_STRING"])
        body = json.dumps(fill(query["table"][0], int(query["count"][0]))).encode()
        start_response("200 OK", [("content-type", "application/json"), ("content-length", str(len(body)))])
        return [body]

    return answer


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-H", dest="host")
    parser.add_argument("-p", dest="port", type=int)
    arguments = parser.parse_args()
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda *_: sys.exit(0))
    moto = DomainDispatcherApplication(create_backend_app)
    moto.debug = True  # moto's own `main` sets it, too
    run_simple(arguments.host, arguments.port, application(moto), threaded=True, request_handler=MotoRequestHandler)


if __name__ == "__main__":
    main()
