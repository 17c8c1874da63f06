"""Who may see what: grades and masks, the usage record, stored secrets."""
