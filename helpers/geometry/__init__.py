"""Which patient direction does an axis point to? numpy alone: arrays in, arrays out."""
