//! The rows behind each noun.
