"""Do the tests notice that a safeguard is gone? Each mutant removes one, and the tests meant for it must fail.

`make scene-mutants` runs those of the chart on copies of the checkout, `python -m tests.mutants faults` those of
accepted jobs.
"""
