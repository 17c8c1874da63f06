"""临江市, a made-up city: its truth, what departments deliver of it, what goes wrong, the score."""
