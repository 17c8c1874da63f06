"""The six stores and the moves between them: landing, refine, change check, reconciliation."""
