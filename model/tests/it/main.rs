//! Integration tests of bulla-model.
