"""What an app's own tests may use: doubles and the conformance suites, one module a part."""
