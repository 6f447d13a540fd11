"""The command line: from a file of transactions to the report, and each step on its own."""
