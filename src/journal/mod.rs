//! The append-only log on a medium: frame, append, recover.
