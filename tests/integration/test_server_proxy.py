"""Who the client is: what trusted proxies say, and nothing that others say."""

import pytest

FORGED = {
    "X-Forwarded-For": "6.6.6.6",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "666",
    "X-Forwarded-Prefix": "/evil",
    "Forwarded": "for=6.6.6.6",
}


@pytest.mark.parametrize("app", ["plain:app", "factory:create_app()"])
def test_what_a_trusted_proxy_says_of_the_client_is_believed(serve, app):
    server = serve(app, forwarded_allow_ips="127.0.0.0/8")

    seen = server.get(
        "/",
        {
            "X-Forwarded-For": "6.6.6.6, 203.0.113.7",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "shop.example",
        },
    ).json

    assert (seen["client"], seen["scheme"], seen["host"]) == ("203.0.113.7", "https", "shop.example")


@pytest.mark.parametrize("settings", [{"forwarded_allow_ips": "10.0.0.0/8"}, {"proxy_hops": 0}])
def test_forged_headers_of_another_peer_change_nothing(serve, settings):
    server = serve("plain:app", **settings)

    plain = server.get("/").json
    forged = server.get("/", FORGED).json

    assert forged == plain
    assert forged["client"] == "127.0.0.1"


def test_a_header_that_an_underscore_would_smuggle_in_is_refused(serve):
    server = serve("plain:app", forwarded_allow_ips="10.0.0.0/8")
    assert server.get("/", {"X_Forwarded_For": "6.6.6.6"}).status == 400
