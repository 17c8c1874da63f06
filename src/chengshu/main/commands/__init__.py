"""What people type, command by command; each imports what it needs when it is called."""
