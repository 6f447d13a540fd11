"""The panels that a notebook shows for records: the result first, its provenance folded below.

One module for each record, whose ``blocks(record)`` returns what is
shown. The records call `bayes_cx.notebook.html`.
"""
