"""Inkdigit's server beside other servers that do the same work: the same model, pictures and load."""
