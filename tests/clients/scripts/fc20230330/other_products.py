"""RAM, STS and ROS through the core of all generated SDKs: their own packages only name the actions."""

import json
import os

from alibabacloud_tea_openapi.client import Client
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_tea_openapi.models import Config, OpenApiRequest, Params
from alibabacloud_tea_util.models import RuntimeOptions
from claims import claim, fresh, refused, run
from laptop import ENDPOINT

STS, RAM, ROS = "2015-04-01", "2015-05-01", "2019-09-10"


def call(version, action, secret=os.environ["ACCESS_KEY_SECRET"], **query):
    config = Config(access_key_id=os.environ["ACCESS_KEY_ID"], access_key_secret=secret)
    config.endpoint, config.protocol = ENDPOINT, "HTTP"
    params = Params(
        action=action,
        version=version,
        protocol="HTTP",
        pathname="/",
        method="POST",
        auth_type="AK",
        style="RPC",
        req_body_type="formData",
        body_type="json",
    )
    request = OpenApiRequest(query=query)
    return Client(config).call_api(params, request, RuntimeOptions())["body"]


@claim
def sts_says_who_asks():
    assert call(STS, "GetCallerIdentity")["AccountId"] == os.environ["ACCOUNT_ID"]


@claim
def ram_keeps_a_role():
    name = fresh("role")
    call(RAM, "CreateRole", RoleName=name, Description="a b", AssumeRolePolicyDocument="{}")
    assert call(RAM, "GetRole", RoleName=name)["Role"]["Description"] == "a b"


@claim
def ros_deploys_a_template():
    template = {
        "ROSTemplateFormatVersion": "2015-09-01",
        "Resources": {"Q": {"Type": "ALIYUN::MNS::Queue", "Properties": {"QueueName": "from-ros"}}},
    }
    made = call(ROS, "CreateStack", StackName="letters", TemplateBody=json.dumps(template))
    assert call(ROS, "GetStack", StackId=made["StackId"])["StackName"] == "letters"


@claim
def a_wrong_secret_is_refused():
    error = refused(ClientException, call, STS, "GetCallerIdentity", secret="wrong")
    assert (error.status_code, error.code) == (400, "SignatureDoesNotMatch")


@claim
def an_unknown_action_is_refused():
    error = refused(ClientException, call, STS, "MakeCoffee")
    assert (error.status_code, error.code) == (404, "InvalidAction.NotFound")


run()
