//! Integration tests of bulla-cli.
