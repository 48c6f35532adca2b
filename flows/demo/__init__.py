"""What `dynalake demo` plays with: a table, and messages to fill it."""
