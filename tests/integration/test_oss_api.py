"""OSS at the endpoint: what uploads of code need, who may, and what is said to the rest (wire 3.1)."""

import asyncio
import base64
import hashlib
import re
from pathlib import Path

import pytest

from fun_local.http.limits import body_limit
from fun_local.http.refusals import Family
from tests import signing
from tests.cloud_api import BUCKET, KEY, NOW, on_cloud, serving

HOST = f"{BUCKET}.oss-cn-shanghai.aliyuncs.com"


def error_of(reply):
    """Status and code of an error, all of whose parts are there."""
    parts = dict(re.findall(r"<(\w+)>([^<]*)</\1>", reply.text))
    assert set(parts) == {"Code", "Message", "RequestId", "HostId"}, reply.body
    assert all(parts.values())
    assert parts["RequestId"] == reply.headers["x-oss-request-id"]
    assert reply.headers["Content-Type"] == "application/xml"
    return reply.status, parts["Code"]


@on_cloud
async def test_a_bucket_is_made_and_says_where_it_is(cloud):
    assert error_of(await cloud.oss("GET", sub="location")) == (404, "NoSuchBucket")
    made = await cloud.oss("PUT")
    assert (made.status, made.headers["Location"]) == (200, f"/{BUCKET}")
    assert (await cloud.oss("PUT")).status == 200  # again
    found = await cloud.oss("GET", sub="location")
    assert found.text.endswith("<LocationConstraint>oss-cn-shanghai</LocationConstraint>")
    assert found.headers["x-oss-request-id"]
    assert (await cloud.oss("DELETE")).status == 204
    assert error_of(await cloud.oss("GET", sub="location")) == (404, "NoSuchBucket")


@on_cloud
async def test_an_object_comes_back_as_it_was_put(cloud):
    await cloud.oss("PUT")
    content = bytes(range(256)) * 1000
    md5 = hashlib.md5(content)
    headers = {
        "content-type": "application/zip",
        "content-md5": base64.b64encode(md5.digest()).decode(),
        "x-oss-meta-owner": "ann",
    }
    put = await cloud.oss("PUT", "a b/ü+%.zip", content, headers)
    assert (put.status, put.headers["ETag"]) == (200, f'"{md5.hexdigest().upper()}"')
    got = await cloud.oss("GET", "a b/ü+%.zip")
    assert (got.status, got.body) == (200, content)
    head = await cloud.oss("HEAD", "a b/ü+%.zip")
    assert (head.status, head.body) == (200, b"")
    for reply in (got, head):
        assert reply.headers["ETag"] == put.headers["ETag"]
        assert reply.headers["Content-Length"] == "256000"
        assert reply.headers["Content-Type"] == "application/zip"
        assert reply.headers["Last-Modified"]
    assert error_of(await cloud.oss("DELETE")) == (409, "BucketNotEmpty")
    assert (await cloud.oss("DELETE", "a b/ü+%.zip")).status == 204
    assert (await cloud.oss("HEAD", "a b/ü+%.zip")).status == 404
    assert error_of(await cloud.oss("GET", "a b/ü+%.zip")) == (404, "NoSuchKey")
    assert (await cloud.oss("DELETE", "a b/ü+%.zip")).status == 204  # again


@on_cloud
async def test_a_bucket_may_stand_in_the_path_where_the_host_is_an_address(cloud):
    await cloud.oss("PUT")
    headers = signing.oss("PUT", BUCKET, "x/y", at=NOW, **KEY)
    assert (await cloud.send("PUT", f"/{BUCKET}/x/y", headers, b"text")).status == 200
    assert (await cloud.oss("GET", "x/y")).body == b"text"


@on_cloud
async def test_no_name_leads_out_of_a_bucket(cloud):
    await cloud.oss("PUT")
    for key in ("../../escaped", "..%2f..%2fescaped", "/etc/escaped", "a/../../../escaped", "nul\0escaped"):
        assert (await cloud.oss("PUT", key, b"x")).status == 200, key
    files = [path.relative_to(cloud.stage.home) for path in Path(cloud.stage.home).rglob("*")]
    assert not [path for path in files if "escaped" in path.name]
    kept = [str(path) for path in files if path.parts[0] == "oss" and len(path.parts) > 2]
    assert len(kept) == 5
    assert all(re.fullmatch(rf"oss/{BUCKET}/[0-9a-f]{{64}}", path) for path in kept)
    for bucket in ("..", "A", "x", "-abc", "a.b", "a" * 64):
        headers = signing.oss("PUT", bucket, "", at=NOW, **KEY)
        assert error_of(await cloud.send("PUT", f"/{bucket}", headers)) == (400, "InvalidBucketName")


ROWS = [
    ("PUT", "k", "acl", 501, "NotImplemented"),
    ("POST", "k", "uploads", 501, "NotImplemented"),
    ("PUT", "", "acl", 501, "NotImplemented"),
    ("GET", "", "", 501, "NotImplemented"),
    ("POST", "k", "", 501, "NotImplemented"),
    ("GET", "none", "", 404, "NoSuchKey"),
    ("PUT", "k" * 1024, "", 400, "InvalidObjectName"),
]


@pytest.mark.parametrize(("method", "key", "sub", "status", "code"), ROWS)
def test_what_there_is_none_of_is_refused_in_the_words_of_oss(tmp_path, method, key, sub, status, code):
    @on_cloud
    async def story(cloud):
        await cloud.oss("PUT")
        assert error_of(await cloud.oss(method, key, sub=sub)) == (status, code)

    story(tmp_path)


@on_cloud
async def test_an_object_needs_a_bucket_and_its_own_md5(cloud):
    assert error_of(await cloud.oss("PUT", "k", b"x")) == (404, "NoSuchBucket")
    await cloud.oss("PUT")
    for md5 in ("%%%", base64.b64encode(hashlib.md5(b"y").digest()).decode()):
        refused = await cloud.oss("PUT", "k", b"x", {"content-md5": md5})
        assert error_of(refused) == (400, "InvalidDigest")
    assert error_of(await cloud.oss("PUT", "k", b"", {"x-oss-copy-source": "/a/b"})) == (
        501,
        "NotImplemented",
    )
    assert error_of(await cloud.oss("GET", "k")) == (404, "NoSuchKey")


FORGED = {
    "another secret": ({"secret": "other"}, (403, "SignatureDoesNotMatch")),
    "another key": ({"key": "other"}, (403, "InvalidAccessKeyId")),
    "of yesterday": ({"at": NOW - 86_400}, (403, "RequestTimeTooSkewed")),
}


@pytest.mark.parametrize(("how", "refusal"), FORGED.values(), ids=FORGED)
def test_a_wrong_signature_changes_nothing(tmp_path, how, refusal):
    @on_cloud
    async def story(cloud):
        await cloud.oss("PUT")
        assert error_of(await cloud.oss("PUT", "k", b"x", **how)) == refusal
        assert (await cloud.oss("HEAD", "k", **how)).status == 403
        assert (await cloud.oss("HEAD", "k")).status == 404

    story(tmp_path)


@on_cloud
async def test_a_signature_is_good_for_one_object_of_one_bucket(cloud):
    await cloud.upload(b"x", "mine")
    headers = signing.oss("GET", BUCKET, "mine", at=NOW, **KEY)
    assert (await cloud.send("GET", "/mine", {**headers, "Host": HOST})).status == 200
    for target, host in (("/other", HOST), ("/mine", f"x{HOST}"), ("/mine?acl", HOST)):
        assert error_of(await cloud.send("GET", target, {**headers, "Host": host}))[0] == 403
    assert error_of(await cloud.send("DELETE", "/mine", {**headers, "Host": HOST}))[0] == 403


@on_cloud
async def test_nothing_of_a_bucket_is_open_whatever_it_is_called(cloud):
    """Some paths of the endpoint need no signature. Objects may be called like them."""
    for key in ("health", "console/x", "openapi.json"):
        await cloud.upload(b"secret", key)
        assert error_of(await cloud.send("GET", f"/{key}", {"Host": HOST})) == (403, "AccessDenied")
        assert (await cloud.oss("GET", key)).body == b"secret"
    wrong = {"Host": HOST, "Authorization": "FC ak:x"}
    assert error_of(await cloud.send("GET", "/health", wrong)) == (403, "InvalidArgument")
    from_page = {**signing.oss("GET", BUCKET, "health", at=NOW, **KEY), "Origin": "http://evil.example"}
    assert (await cloud.send("GET", "/health", {**from_page, "Host": HOST})).status == 403


def test_objects_outlive_the_daemon(tmp_path):
    async def main():
        async with serving(tmp_path) as cloud:
            await cloud.upload(b"kept", "a")
        async with serving(tmp_path) as cloud:
            assert (await cloud.oss("GET", "a")).body == b"kept"

    asyncio.run(main())


def test_an_object_has_a_bound():
    assert body_limit(Family.OSS, "/services") == 500 * 1024 * 1024
    assert body_limit(Family.POP, "/") == 2 * 1024 * 1024


@on_cloud
async def test_an_object_over_the_bound_is_refused_before_it_is_read(cloud):
    await cloud.oss("PUT")
    headers = signing.oss("PUT", BUCKET, "k", at=NOW, **KEY)
    reader, writer = await asyncio.open_connection("127.0.0.1", cloud.port)
    lines = {**headers, "host": HOST, "content-length": str(501 * 1024 * 1024)}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    writer.write(f"PUT /k HTTP/1.1\r\n{head}\r\n".encode())
    assert (await reader.readline()).split()[1] == b"400"
    writer.close()
