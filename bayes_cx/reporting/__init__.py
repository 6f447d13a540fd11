"""What people read: figures, tables, the report, the model card, and reprs for notebooks."""
