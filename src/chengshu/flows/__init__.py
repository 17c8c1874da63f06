"""Durable workflows that join rooms: a run survives the death of its process."""
