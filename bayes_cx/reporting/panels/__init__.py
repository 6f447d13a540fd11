"""What a notebook shows for each record: the result first, where it came from folded below.

A module a record, whose ``blocks(record)`` returns what is shown. The records call `bayes_cx.notebook.html`.
"""
