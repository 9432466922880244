//! Integration tests of bulla-sbom.
