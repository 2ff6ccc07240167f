"""MNIST -> model folder. Needs the extra `inkdigit[train]`; nothing that serves imports it."""
