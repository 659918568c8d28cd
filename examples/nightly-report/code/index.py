import csv
import json
import logging
import os

log = logging.getLogger()
HERE = os.path.dirname(os.path.abspath(__file__))


def handler(event, context):
    """Adds up the visits of a day by page. The timer's event has its payload as a text inside."""
    order = json.loads(json.loads(event)["payload"])
    with open(os.path.join(HERE, order["source"]), newline="") as file:
        report = summary(csv.DictReader(file))
    log.info("%d pages, %d visits", len(report["pages"]), report["visits"])
    return report


def summary(rows):
    pages = {}
    for row in rows:
        pages[row["page"]] = pages.get(row["page"], 0) + int(row["visits"])
    return {"visits": sum(pages.values()), "pages": dict(sorted(pages.items()))}
