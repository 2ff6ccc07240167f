"""Other readers of numbers, each run on picture files in an environment or a process of its own."""
