"""The nouns of Dynalake as frozen values, and the arithmetic on them. Nothing here does any I/O."""
