"""What the gate says, in each format: one file a format."""
