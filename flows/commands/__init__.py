"""The commands of `dynalake`, one file a subject. Each translates options, calls the engine, and shows what came."""
