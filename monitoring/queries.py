"""Asks each query of a Grafana dashboard of a Prometheus until all have answered with a series, 90 s at most.

Usage: queries.py DASHBOARD PROMETHEUS [QUERY...], where further queries are asked as well."""

import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

dashboard, prometheus, *further = sys.argv[1:]
panels = json.load(open(dashboard))["panels"]
queries = {target["expr"].replace("$__rate_interval", "10s") for panel in panels for target in panel["targets"]} | set(further)
wrong = {}


def answers(query):
    url = f"{prometheus}/api/v1/query?" + urllib.parse.urlencode({"query": query})
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            result = json.load(answer)["data"]["result"]
    except urllib.error.HTTPError as error:
        wrong[query] = error.read().decode()
        return False
    except OSError as error:
        wrong[query] = str(error)
        return False
    numbers = [float(series["value"][1]) for series in result]
    wrong[query] = f"answered {numbers}"
    return any(number == number for number in numbers)


deadline = time.monotonic() + 90
waiting = set(queries)
while waiting and time.monotonic() < deadline:
    waiting = {query for query in waiting if not answers(query)}
    time.sleep(1)
for query in sorted(waiting):
    print(f"no series: {query}\n    {wrong.get(query)}")
print(f"{len(queries) - len(waiting)} of {len(queries)} queries answered")
sys.exit(1 if waiting or not queries else 0)
