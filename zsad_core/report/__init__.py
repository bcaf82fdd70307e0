"""Rows to figures, tables and failure cases, with the words beside them."""
