"""The theme store 主题库: tables that a purpose needs, each recomputable from stored rows."""
