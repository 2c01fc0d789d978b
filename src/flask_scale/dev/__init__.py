"""The whole architecture on one machine: embedded servers, the app's processes, one log.

Needs the extra `flask-scale[dev]`. Nothing here runs in production.
"""
