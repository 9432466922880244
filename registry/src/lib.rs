//! Keep and find: registries, OCI layouts, referrers.
