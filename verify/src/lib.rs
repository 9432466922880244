//! Decide: evidence, trust, policy and a time in, a verdict out.
