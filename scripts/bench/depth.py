"""How long a page of a list takes at its beginning and far into it: median of 20 requests each."""

import http.client
import json
import statistics
import sys
import time
from urllib.parse import quote, urlsplit

url = urlsplit(sys.argv[1])
PAGES = 300
connection = http.client.HTTPConnection(url.hostname, url.port)


def page(cursor):
    path = f"{url.path}?limit=100" + (f"&cursor={quote(cursor)}" if cursor else "")
    began = time.perf_counter()
    connection.request("GET", path)
    body = connection.getresponse().read()
    return (time.perf_counter() - began) * 1000, json.loads(body)


def median(cursor):
    return statistics.median(page(cursor)[0] for _ in range(20))


cursor, depth = None, 0
for _ in range(PAGES):
    _, answer = page(cursor)
    if not answer["has_more"]:
        break
    cursor, depth = answer["next_cursor"], depth + len(answer["data"])

print("P8_first_page_ms", f"{median(None):.2f}")
print("P8_deep_page_ms", f"{median(cursor):.2f}")
print("P8_depth", depth)
