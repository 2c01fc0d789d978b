"""What the tests on a cluster share."""
