"""Scripts that clock one network in several runtimes, each in the environment that holds the runtime.

They import nothing of the benchmarks, and of Inkdigit only where Inkdigit is what is clocked.
"""
