"""What the store of corrections goes through: writers that are killed, and power that is cut."""
