"""Templates with a thousand functions, one in each dialect, and how long they take us and PyYAML alone.

Block style, as people write them. Every fourth function is asynchronous with a destination, every fifth has a
timer, and every function some variables: about a dozen lines each.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from typing import Any

import yaml

from fun_local.template.build import build
from fun_local.template.load import load

#: Functions in a template, and in a service of it.
FUNCTIONS = 1_000
_SERVICE = 50

#: Times that each is measured in a round, taking turns.
_RUNS = 5

#: What PyYAML reads with: its C parser where it has been built with one.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def serverless() -> str:
    """Funcraft's dialect."""
    return "".join(_serverless())


def _serverless() -> Iterator[str]:
    yield "ROSTemplateFormatVersion: '2015-09-01'\nTransform: 'Aliyun::Serverless-2018-04-03'\nResources:\n"
    for i in range(FUNCTIONS):
        if i % _SERVICE == 0:
            yield f"  service{i // _SERVICE}:\n    Type: 'Aliyun::Serverless::Service'\n    Properties:\n"
            yield f"      Description: part {i // _SERVICE} of the shop\n      InternetAccess: true\n"
        yield (
            f"    function{i}:\n      Type: 'Aliyun::Serverless::Function'\n      Properties:\n"
            f"        Handler: index.handler\n        Runtime: python3.9\n        CodeUri: ./code\n"
            f"        Description: step {i}\n        MemorySize: 512\n        Timeout: 60\n"
            f"        EnvironmentVariables:\n          STAGE: production\n          STEP: '{i}'\n"
        )
        if i % 4 == 0:
            yield (
                "        AsyncConfiguration:\n          MaxAsyncRetryAttempts: 2\n"
                "          StatefulInvocation: true\n          Destination:\n"
                "            OnFailure: acs:mns:::/queues/failed/messages\n"
            )
        if i % 5 == 0:
            yield (
                f"      Events:\n        timer{i}:\n          Type: Timer\n          Properties:\n"
                "            CronExpression: '@every 5m'\n            Enable: true\n"
            )


def ros() -> str:
    """Plain ROS: resources refer to each other."""
    return "".join(_ros())


def _ros() -> Iterator[str]:
    yield "ROSTemplateFormatVersion: '2015-09-01'\nParameters:\n  Stage:\n    Type: String\n"
    yield "    Default: production\nResources:\n"
    for i in range(FUNCTIONS):
        service = f"Service{i // _SERVICE}"
        if i % _SERVICE == 0:
            yield f"  {service}:\n    Type: ALIYUN::FC::Service\n    Properties:\n"
            yield f"      ServiceName:\n        Fn::Sub: {service}-${{Stage}}\n      InternetAccess: true\n"
        yield (
            f"  Function{i}:\n    Type: ALIYUN::FC::Function\n    Properties:\n"
            f"      ServiceName:\n        Fn::GetAtt:\n          - {service}\n          - ServiceName\n"
            f"      FunctionName: function{i}\n      Handler: index.handler\n      Runtime: python3.9\n"
            f"      CodeUri: ./code\n      Description: step {i}\n      MemorySize: 512\n      Timeout: 60\n"
            f"      EnvironmentVariables:\n        STAGE:\n          Ref: Stage\n"
            f"        STEP:\n          Fn::Sub: ${{Stage}}-{i}\n"
        )
        if i % 4 == 0:
            yield (
                "      AsyncConfiguration:\n        MaxAsyncRetryAttempts: 2\n"
                "        StatefulInvocation: true\n        Destination:\n"
                "          OnFailure: acs:mns:::/queues/failed/messages\n"
            )
        if i % 5 == 0:
            yield (
                f"  Timer{i}:\n    Type: ALIYUN::FC::Trigger\n    DependsOn: Function{i}\n    Properties:\n"
                f"      ServiceName:\n        Fn::GetAtt:\n          - {service}\n          - ServiceName\n"
                f"      FunctionName: function{i}\n      TriggerName: timer{i}\n      TriggerType: timer\n"
                "      TriggerConfig:\n        cronExpression: '@every 5m'\n        enable: true\n"
            )


def devs() -> str:
    """A Serverless Devs file of edition 3."""
    return "".join(_devs())


def _devs() -> Iterator[str]:
    yield "edition: 3.0.0\nname: shop\naccess: default\nvars:\n  region: cn-hangzhou\n  stage: production\n"
    yield "resources:\n"
    for i in range(FUNCTIONS):
        yield (
            f"  function{i}:\n    component: fc3\n    props:\n      region: ${{vars.region}}\n"
            f"      functionName: function{i}\n      handler: index.handler\n      runtime: python3.9\n"
            f"      code: ./code\n      description: step {i}\n      memorySize: 512\n      timeout: 60\n"
            f"      environmentVariables:\n        STAGE: ${{vars.stage}}\n        STEP: '{i}'\n"
        )
        if i % 4 == 0:
            yield (
                "      asyncInvokeConfig:\n        maxAsyncRetryAttempts: 2\n        asyncTask: true\n"
                "        destinationConfig:\n          onFailure:\n"
                "            destination: acs:mns:::/queues/failed/messages\n"
            )
        if i % 5 == 0:
            yield (
                f"      triggers:\n        - triggerName: timer{i}\n          triggerType: timer\n"
                "          triggerConfig:\n            cronExpression: '@every 5m'\n"
                "            enable: true\n"
            )


#: Each dialect's file name and what writes it.
DIALECTS: dict[str, tuple[str, Callable[[], str]]] = {
    "serverless": ("template.yml", serverless),
    "ros": ("template.yml", ros),
    "devs": ("s.yaml", devs),
}


def validated(path: str) -> int:
    """Read, check and build a template, as ``fun validate`` does; how many functions it has."""
    found = build(
        load(path),
        stack_name="shop",
        region="cn-hangzhou",
        account_id="1234567890123456",
        parameters={},
        replacements={},
        stage=lambda source: "",
    )
    return len(found.functions)


def measured(folder: str, dialect: str) -> tuple[float, float]:
    """Medians in seconds: what a template takes us, and what reading its YAML alone takes PyYAML.

    Raises:
        RuntimeError: the template was not read as it was meant.
    """
    name, write = DIALECTS[dialect]
    text = write()
    os.makedirs(os.path.join(folder, "code"), exist_ok=True)
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    if (found := validated(path)) != FUNCTIONS:  # also loads what is loaded once
        raise RuntimeError(f"{found} functions of {FUNCTIONS} were found")
    ours, theirs = [], []
    for _ in range(_RUNS):
        ours.append(_seconds(partial(validated, path)))
        theirs.append(_seconds(partial(yaml.load, text, Loader=_LOADER)))
    return median(ours), median(theirs)


def _seconds(work: Callable[[], object]) -> float:
    # Without the collector, as timeit does it: when that runs depends on what is in memory already, not on
    # the work. With it both take longer, and PyYAML by more.
    gc.collect()
    gc.disable()
    try:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started
    finally:
        gc.enable()
