//! Making and signing claims.
