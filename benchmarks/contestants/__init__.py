"""Who is measured: Dynalake's own engine (`ours`), and what a user would use instead. Each runs in a process of its own."""
