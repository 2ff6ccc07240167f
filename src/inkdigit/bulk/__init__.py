"""Pictures in any number -> one table: on all cores, in chunks that are kept, so that whatever is killed goes on.

`inputs` freezes what there is to read, `job` says how, `crew` has it done by processes, `chunks` keeps what is done,
`run` puts these together, and `tables` and `summary` make of the chunks what was asked for.
"""
