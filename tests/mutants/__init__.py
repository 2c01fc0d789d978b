"""Do the tests notice that a safeguard is gone? Each mutant removes one, and the tests meant for it must fail.

`make scene-mutants` runs those of the chart on copies of the checkout, `make mutants` those of the library,
`make fault-mutants` those of accepted jobs under faults.
"""
