"""The proof that accepted jobs are not lost and their effects happen once: faults on real processes, under load.

    python -m tests.faults --jobs 300 --seconds 60      # prints the seed of its schedule
    python -m tests.faults --long                       # 10,000 jobs with production's own times

`stand.py` starts the architecture, `faults.py` is what can be done to it, `schedule.py` when, `suite.py` plays it
under the load of tests/load, whose history and checker judge; `recovery.py` reads from the database how long killed
jobs waited for their next start. `keys.py` and `stale.py` are the two promises that need more callers than faults.
"""
