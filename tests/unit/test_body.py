"""A watched body tells its end once, whichever way it ends."""

import io

import pytest
from gunicorn.http.wsgi import FileWrapper

from flask_scale.body import watched


def closing(chunks, closed):
    try:
        yield from chunks
    finally:
        closed.append(True)


def test_a_body_read_to_its_last_chunk_has_ended_with_its_size():
    ends = []
    body = watched({}, [b"abc", b"de"], ends.append)

    assert b"".join(body) == b"abcde"

    assert ends == [5]


def test_a_body_given_up_in_the_middle_ends_when_it_is_closed_and_closes_its_source():
    ends, closed = [], []
    body = watched({}, closing([b"abc", b"de"], closed), ends.append)
    next(iter(body))

    body.close()
    body.close()

    assert ends == [3]
    assert closed == [True]


def test_a_body_that_nobody_closes_ends_when_it_is_forgotten():
    ends = []
    body = watched({}, [b"abc"], ends.append)
    del body
    assert ends == [0]


def test_a_body_whose_source_fails_to_close_has_still_ended():
    class Broken(list):
        def close(self):
            raise OSError("disk")

    ends = []
    body = watched({}, Broken(), ends.append)

    with pytest.raises(OSError, match="disk"):
        body.close()

    assert ends == [0]


def test_a_file_stays_the_servers_own_wrapper_so_that_it_can_be_sent_as_a_file():
    ends = []
    file = io.BytesIO(b"abc")
    wrapped = FileWrapper(file)

    body = watched({"wsgi.file_wrapper": FileWrapper}, wrapped, ends.append)

    assert body is wrapped
    assert ends == []
    body.close()
    assert ends == [0]
    assert file.closed


def test_two_that_watch_one_body_are_both_told_though_the_first_fails():
    ends = []

    def fail(_sent):
        raise OSError("log")

    body = watched({}, watched({}, [b"abc"], fail), ends.append)

    with pytest.raises(OSError, match="log"):
        b"".join(body)
    assert ends == [3]


def test_who_watches_a_body_that_has_ended_is_told_at_once():
    ends = []
    body = watched({}, [b"abc"], lambda _sent: None)
    b"".join(body)

    watched({}, body, ends.append)

    assert ends == [3]
