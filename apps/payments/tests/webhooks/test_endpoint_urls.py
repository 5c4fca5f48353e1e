"""Where nothing may be sent, in every spelling of it."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.payments.domain.endpoint_urls import Target, UrlRefusedError, target_of
from apps.payments.domain.public_addresses import is_public

REFUSED = [
    "http://shop.example/hooks",
    "HTTP://shop.example/",
    "ftp://shop.example/",
    "https://",
    "https:///hooks",
    "https://?x",
    "https://user:password@shop.example/",
    "https://user@shop.example/",
    "https://shop.example@127.0.0.1/",
    "https://127.0.0.1#@shop.example/",
    "https://127.0.0.1\\@shop.example/",
    "https://shop.example/#part",
    "https://shöp.example/",
    "https://shop.example/ä",
    "https://127。0。0。1/",
    "https://①②⑦.⓪.⓪.①/",
    "https://127.0.0.1/",
    "https://127.0.0.1./",
    "https://127.1/",
    "https://127.0.1/",
    "https://2130706433/",
    "https://0x7f.1/",
    "https://0x7f000001/",
    "https://0X7F.0.0.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://0127.0.0.1/",
    "https://127.0.0.0x1/",
    "https://0/",
    "https://0.0.0.0/",
    "https://10.0.0.1/",
    "https://10.255.255.255/",
    "https://100.64.0.1/",
    "https://100.127.255.254/",
    "https://169.254.169.254/latest/meta-data/",
    "https://169.254.170.2/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.0.0.1/",
    "https://192.168.1.1/",
    "https://198.18.0.1/",
    "https://224.0.0.1/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://256.256.256.256/",
    "https://1.2.3/",
    "https://1.2.3.4.5/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[0:0:0:0:0:ffff:169.254.169.254]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b::8.8.8.8]/",
    "https://[64:ff9b:1::a00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:808:808::1]/",
    "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    "https://[2001:db8::1]/",
    "https://[3fff::1]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[ff02::1]/",
    "https://[100::1]/",
    "https://[5f00::1]/",
    "https://[::1/",
    "https://::1/",
    "https://[shop.example]/",
    "https://localhost/",
    "https://localhost./",
    "https://LOCALHOST/",
    "https://shop.localhost/",
    "https://printer.local/",
    "https://metadata.google.internal/",
    "https://intranet/",
    "https://router.home.arpa/",
    "https://shop..example/",
    "https://.shop.example/",
    "https://-shop.example/",
    "https://sh%6fp.example/",
    "https://127.0.0.1%00.shop.example/",
    "https://" + "a" * 64 + ".example/",
    "https://" + "a." * 130 + "example/",
    "https://shop.example:22/",
    "https://shop.example:25/",
    "https://shop.example:0/",
    "https://shop.example:65536/",
    "https://shop.example:x/",
    "https://shop.example:1023/",
]


@pytest.mark.parametrize("url", REFUSED)
def test_refused(url: str) -> None:
    with pytest.raises(UrlRefusedError):
        target_of(url, inside=False)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://shop.example", Target("https", "shop.example", 443, "/")),
        ("https://Shop.Example./hooks?a=b", Target("https", "shop.example", 443, "/hooks?a=b")),
        ("https://shop.example?a=b", Target("https", "shop.example", 443, "/?a=b")),
        ("https://shop.example:8443/x", Target("https", "shop.example", 8443, "/x")),
        ("https://shop.example:80/", Target("https", "shop.example", 80, "/")),
        ("https://xn--shp-sna.example/", Target("https", "xn--shp-sna.example", 443, "/")),
        ("https://8.8.8.8/", Target("https", "8.8.8.8", 443, "/")),
        ("https://[2606:4700::1111]:8443/", Target("https", "2606:4700::1111", 8443, "/")),
        ("https://my_shop.example/", Target("https", "my_shop.example", 443, "/")),
    ],
)
def test_taken_apart(url: str, target: Target) -> None:
    assert target_of(url, inside=False) == target


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080/",
        "http://localhost:81/",
        "https://[::1]:8443/",
        "http://10.1.2.3/",
        "http://192.168.1.2/",
        "http://8.8.8.8/",
        "http://[fd00::1]/",
        "http://sandbox/",
    ],
)
def test_development_may_send_inside(url: str) -> None:
    target_of(url, inside=True)


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fe80::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://0.0.0.0/",
        "http://224.0.0.1/",
        "http://[ff02::1]/",
    ],
)
def test_development_may_not_send_to_what_is_neither_public_nor_private(url: str) -> None:
    with pytest.raises(UrlRefusedError):
        target_of(url, inside=True)


@pytest.mark.parametrize(
    "url", ["http://0x7f.1/", "http://2130706433/", "https://u:p@localhost/", "http://localhost:0/", "ftp://localhost/"]
)
def test_what_is_misspelt_is_refused_in_development_too(url: str) -> None:
    with pytest.raises(UrlRefusedError):
        target_of(url, inside=True)


@given(st.ip_addresses(v=4))
def test_no_address_is_public_that_the_standard_library_calls_private(address: ipaddress.IPv4Address) -> None:
    if is_public(str(address)):
        assert address.is_global
        assert not address.is_multicast


@given(st.ip_addresses(v=6))
def test_nor_of_version_6(address: ipaddress.IPv6Address) -> None:
    if is_public(str(address)):
        assert address.is_global
        assert not address.is_multicast
        assert (address.ipv4_mapped, address.sixtofour, address.teredo) == (None, None, None)


@pytest.mark.parametrize("text", ["", "127.0.0.1.", "localhost", "2606:4700::1111%eth0", "1", "0x7f.1", "fe80::1%lo"])
def test_what_is_no_plain_address_is_not_public(text: str) -> None:
    assert not is_public(text)
