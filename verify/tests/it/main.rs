//! Integration tests of bulla-verify.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod attacks;
mod chains;
mod changes;
mod codes;
mod doubts;
mod edges;
mod exits;
mod faults;
mod faults_chain;
mod faults_sigstore;
mod forms;
mod freeze;
mod fuzz;
mod gates;
mod gates_bills;
mod gates_conditions;
mod gates_images;
mod gates_provenance;
mod gates_runs;
mod hostile;
mod journey;
mod keyless;
mod kit;
mod layouts;
mod ledger;
mod ledger_contents;
mod ledger_decided;
mod ledger_hostile;
mod logged_documents;
mod mutations;
mod notation;
mod owners;
mod policies;
mod recorded;
mod reference;
mod references;
mod signed;
mod slsa;
mod tighten;
mod trusted_roots;
mod vectors;
mod vsa;
mod vulnerabilities;
mod witness;
