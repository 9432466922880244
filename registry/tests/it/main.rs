//! Integration tests of bulla-registry.
