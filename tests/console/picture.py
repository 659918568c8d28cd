"""Takes the picture of the README: ``python -m tests.console.picture`` writes docs/console.png.

What is seen is real: a small shop's functions are deployed and called, and one charge of a card fails twice.
"""

import contextlib
import os
import sys
import tempfile
from pathlib import Path

from tests.conftest import ROOT
from tests.console.stand import serving
from tests.console.visitor import Visitor, browsing, expect

#: The README is read by everybody, on any line.
MOST_BYTES = 200_000

WHOM = "order-20261104-0017"

_FUNCTION = """\
  {name}:
    Type: ALIYUN::FC::Function
    DependsOn: [Shop, Letters, Receipts]
    Properties:
      ServiceName: shop
      FunctionName: {function}
      Runtime: python3
      Handler: index.{handler}
      MemorySize: 256
      Timeout: 60
      CodeUri: ./code
      AsyncConfiguration:
        StatefulInvocation: true
        MaxAsyncRetryAttempts: 1
        Destination:
          OnSuccess: acs:mns:::/queues/receipts/messages
          OnFailure: acs:mns:::/queues/failed-orders/messages
"""

TEMPLATE = """\
ROSTemplateFormatVersion: '2015-09-01'
Resources:
  Letters: {Type: 'ALIYUN::MNS::Queue', Properties: {QueueName: failed-orders}}
  Receipts: {Type: 'ALIYUN::MNS::Queue', Properties: {QueueName: receipts}}
  Shop: {Type: 'ALIYUN::FC::Service', Properties: {ServiceName: shop}}
""" + "".join(
    _FUNCTION.format(name=name, function=function, handler=handler)
    for name, function, handler in (
        ("Charge", "charge-card", "charge"),
        ("Invoice", "send-invoice", "invoice"),
        ("Resize", "resize-photos", "resize"),
    )
)

CODE = """\
import json
import time


class GatewayError(Exception):
    pass


def charge(event, context):
    order = json.loads(event)
    print(f"charging {order['amount']:.2f} {order['currency']} for {order['order']}", flush=True)
    time.sleep(order.get("slow", 0.05))
    if order["card"].startswith("expired"):
        print("the gateway answers 402: card expired", flush=True)
        raise GatewayError(f"card {order['card']} was refused: expired in 10/26")
    print("charged, receipt r-88213")
    return json.dumps({"receipt": "r-88213"})


def invoice(event, context):
    time.sleep(0.03)
    return json.dumps({"sent": True})


def resize(event, context):
    time.sleep(json.loads(event).get("seconds", 0.1))
    return event
"""


def main(path=str(ROOT / "docs" / "console.png")):
    with serving(TEMPLATE, CODE, retry_seconds=0.8) as stand, fonts(), browsing() as browser:
        fill(stand)
        visitor = Visitor(browser, stand, viewport={"width": 1280, "height": 766}).enter()
        page = visitor.go(f"executions/shop/charge-card/{WHOM}")
        expect(page.get_by_role("log")).to_contain_text("FC Invoke End")
        page.screenshot(path=path)
        visitor.context.close()
    size = Path(path).stat().st_size
    print(f"{path}: {size} bytes")
    assert size < MOST_BYTES


def fill(stand):
    """An hour in the life of a shop, in a few seconds."""
    good = {"amount": 48.5, "currency": "EUR", "card": "visa-4242"}
    for number in range(5, 17):
        id = f"order-20261104-{number:04}"
        stand.invoke("charge-card", id=id, order=id, **good)
        stand.invoke("send-invoice", id=f"invoice-{number:04}", to=f"customer-{number}@example.com")
    stand.invoke(
        "charge-card", id=WHOM, order=WHOM, amount=129, currency="EUR", card="expired-1881", slow=0.45
    )
    stand.invoke("resize-photos", id="photos-spring-catalogue", photos=240, seconds=30)
    stand.settled(WHOM, "charge-card")


FONTS = """\
<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <match><test name="family"><string>sans-serif</string></test>
    <edit name="family" mode="prepend" binding="strong"><string>Inter</string></edit></match>
  <match><test name="family"><string>system-ui</string></test>
    <edit name="family" mode="prepend" binding="strong"><string>Inter</string></edit></match>
</fontconfig>
"""


@contextlib.contextmanager
def fonts():
    """A quieter font than the usual, where one is installed (Debian: fonts-inter); else what there is."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(FONTS)
        file.flush()
        os.environ["FONTCONFIG_FILE"] = file.name
        try:
            yield
        finally:
            del os.environ["FONTCONFIG_FILE"]


if __name__ == "__main__":
    main(*sys.argv[1:])
