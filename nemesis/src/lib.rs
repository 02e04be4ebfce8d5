//! What goes wrong: faults, their targets, their evidence, and how they heal.
