//! Card payments.
