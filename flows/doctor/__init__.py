"""The platform's troubleshooting as a program: `look` gathers what can be seen, `findings` says what is wrong with it, and what to do."""
