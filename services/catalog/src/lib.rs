//! Books: list, search, covers.
