"""Where a request may come from: this machine's programs, and no other site's pages."""

import pytest

from fun_local.http.origins import check_host, check_sender, check_visitor
from fun_local.http.refusals import Refused

PORT = 17987


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:17987",
        "127.9.9.9:17987",
        "localhost",
        "LocalHost:17987",
        "localhost.:17987",
        "my-bucket.localhost:17987",
        "[::1]",
        "[::1]:17987",
        # As some official clients write it (wire 1, rule 8).
        "http://127.0.0.1:17987",
        "1234567890123456.cn-shanghai.fc.aliyuncs.com",
        "1234567890123456.cn-shanghai-internal.fc.aliyuncs.com:17987",
        "fcv3.cn-hangzhou.aliyuncs.com",
        "1234567890123456.mns.cn-shanghai.aliyuncs.com",
    ],
)
def test_a_name_of_this_machine_is_let_in(host):
    check_host(host, PORT)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:17987",
        "127.0.0.1:80",
        "127.0.0.1:17988",
        "127.0.0.1.evil.example",
        "127.0.0.1.nip.io:17987",
        "localhost.evil.example",
        "notlocalhost",
        "10.0.0.1:17987",
        "0.0.0.0:17987",
        "[::2]:17987",
        "[::1:17987",
        "::1",
        "2130706433",
        "aliyuncs.com",
        "evilaliyuncs.com",
        "a.b.aliyuncs.com.evil.example",
        "a.evil@b.aliyuncs.com",
        "https://127.0.0.1:17987",
        "127.0.0.1:17987, evil.example",
        "user@127.0.0.1:17987",
    ],
)
def test_any_other_name_is_refused(host):
    with pytest.raises(Refused) as caught:
        check_host(host, PORT)
    assert (caught.value.status, caught.value.code) == (403, "AccessDenied")
    assert "127.0.0.1:17987" in caught.value.message


@pytest.mark.parametrize(
    ("origin", "site"),
    [
        (None, None),
        (None, "none"),
        ("http://127.0.0.1:17987", "same-origin"),
        ("http://localhost:17987", None),
        ("http://[::1]:17987", "same-origin"),
    ],
)
def test_programs_and_our_own_pages_are_let_in(origin, site):
    check_sender(origin, site, PORT)


@pytest.mark.parametrize(
    ("origin", "site"),
    [
        ("https://evil.example", "cross-site"),
        ("http://evil.example:17987", None),
        ("http://localhost:3000", "same-site"),
        ("http://127.0.0.1", None),
        ("https://127.0.0.1:17987", None),
        ("null", None),
        ("", None),
        ("http://127.0.0.1:17987.evil.example", None),
        ("http://a.b.aliyuncs.com:17987", None),
        ("http://127.0.0.1:17987", "cross-site"),
        (None, "cross-site"),
        (None, "same-site"),
        (None, "Cross-Site"),
        (None, ""),
    ],
)
def test_pages_of_other_sites_are_refused(origin, site):
    with pytest.raises(Refused) as caught:
        check_sender(origin, site, PORT)
    assert (caught.value.status, caught.value.code) == (403, "AccessDenied")


@pytest.mark.parametrize(
    ("origin", "fetch_site"),
    [
        (None, None),
        (None, "none"),
        (None, "same-origin"),
        (None, "same-site"),
        ("http://localhost:3000", "cross-site"),
        ("https://127.0.0.1", None),
        ("http://shop.example.com.localhost:17987", None),
        ("http://[::1]:3000", None),
    ],
)
def test_pages_of_this_machine_may_visit_a_function(origin, fetch_site):
    check_visitor(origin, fetch_site)


@pytest.mark.parametrize(
    ("origin", "fetch_site"),
    [
        (None, "cross-site"),
        (None, "whatever"),
        ("", None),
        ("null", None),
        ("https://evil.example", None),
        ("https://localhost.evil.example", "same-site"),
        ("http://10.0.0.1:3000", None),
        ("file://localhost", None),
    ],
)
def test_pages_of_other_sites_may_not_visit_a_function(origin, fetch_site):
    with pytest.raises(Refused) as refused:
        check_visitor(origin, fetch_site)
    assert (refused.value.status, refused.value.code) == (403, "AccessDenied")
