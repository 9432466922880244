//! Admission: the answer of [`bulla_verify`] to a Kubernetes cluster that asks before it runs.
//!
//! | step | file |
//! |---|---|
//! | the request, and its answer | [`review`] |
//! | which images would run that did not | [`workload`], by [`crate::workload`] |
//! | which digest a reference means | [`pin`] |
//! | the verdict, once for each digest | [`server`], [`flight`], [`judgement`] |
//! | what whoever asked is told | [`message`], [`exception`] |
//! | HTTP, TLS, signals | [`http`], [`listen`] |
//!
//! Everything fails closed: what cannot be read, found out in time or decided is a refusal.

pub mod exception;
pub mod flight;
pub mod http;
pub mod journal;
pub mod judgement;
pub mod listen;
pub mod message;
pub mod metrics;
pub mod pin;
pub mod review;
pub mod rules;
pub mod server;
pub mod timeout;
pub mod workload;
