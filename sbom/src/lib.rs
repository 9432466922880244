//! What is inside: sources, catalogers and SBOM formats.
