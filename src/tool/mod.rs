//! What all four tools share: exit codes, error printing, progress.
