"""Load on the user directory, and the proof that it lost and doubled nothing.

    with Load(Plan.steady(rate=150, seconds=60), Target(url, key), folder) as load:  # a process of its own
        ...                                                                           # faults, rollouts
        run = load.finish()                                                           # or load.stop(), to end now
    run.assert_none_failed()
    check(run.history, query).assert_sound()

The same from a terminal: `python -m tests.load --url http://127.0.0.1:8000 --key-file KEY --out FOLDER`.

`plan.py` says how many requests when, `operations.py` which and what the answer must be, `generator.py` sends
them and `history.py` keeps what came of each; `checker.py` holds that against the database; `figures.py` and
`timeline.py` tell people.
"""
