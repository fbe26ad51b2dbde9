"""Pictures of one notebook each: nb04_... draws those of notebook 04. Arrays in, a Matplotlib Figure out, no model."""
