"""Value types with their masks, code sets and grades: what national standards say of a value."""
