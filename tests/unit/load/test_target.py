"""Load goes to this machine only."""

import pytest
from click.testing import CliRunner

from tests.load.__main__ import main
from tests.load.target import Target, TargetRefused

ELSEWHERE = [
    "http://example.org",
    "http://192.0.2.1:8000",
    "http://127.0.0.1@example.org",
    "http://127.0.0.1.example.org",
    "http://0.0.0.0:8000",
    "https://127.0.0.1",
    "127.0.0.1:8000",
    "",
]


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "http://localhost", "http://[::1]:8000/"])
def test_a_loopback_address_is_taken(url: str) -> None:
    assert Target(url).url_of("/v1/users") == f"{url.rstrip('/')}/v1/users"


@pytest.mark.parametrize("url", ELSEWHERE)
def test_any_other_address_is_refused(url: str) -> None:
    with pytest.raises(TargetRefused, match="is not this machine"):
        Target(url)


def test_the_command_refuses_it_too_and_writes_nothing(tmp_path) -> None:
    result = CliRunner().invoke(main, ["--url", "http://example.org", "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "http://example.org is not this machine" in result.output
    assert not (tmp_path / "out").exists()


def test_key_and_host_are_sent_and_the_key_is_not_shown() -> None:
    target = Target("http://localhost", "fsk_secret", "directory.example.org")
    assert target.headers == {"Authorization": "Bearer fsk_secret", "Host": "directory.example.org"}
    assert "fsk_secret" not in repr(target)
