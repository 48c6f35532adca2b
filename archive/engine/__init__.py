"""The engine: opens a lake for a run, plans, archives and purges batch by batch, and records what was done.

It knows no Prefect: flows/ hands it a function that executes one batch, and Prefect is one way to make that function.
"""
