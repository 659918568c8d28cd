import json


class CardDeclined(Exception):
    pass


def handler(event, context):
    payment = json.loads(event)
    if payment["amount"] > 100:
        raise CardDeclined(f"the card of {payment['customer']} is not good for {payment['amount']}")
    return {"paid": payment["amount"]}
