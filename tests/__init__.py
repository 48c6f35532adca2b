"""Dynalake's tests: the folders mirror archive/, athena/ and flows/; contracts/ says what the servers they run against can do."""
