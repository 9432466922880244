//! Integration tests of bulla-attest.
