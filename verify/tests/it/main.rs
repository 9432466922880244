//! Integration tests of bulla-verify.
