//! Integration tests of bulla-cli.

#![expect(
    clippy::unwrap_used,
    reason = "what a test prepares has to work, or the test has failed"
)]

mod ahead;
mod approve;
mod artifacts;
mod beside;
mod bills;
mod company;
mod configuration;
mod cosign_words;
mod decisions;
mod demo;
mod doubt;
mod edges;
mod evidence;
mod exit_codes;
mod floods;
mod forms;
mod help;
mod import;
mod in_toto;
mod init;
mod interop;
mod interrupted;
mod journeys;
mod keyless;
mod keys;
mod layering;
mod ledger;
mod listing;
mod looking;
mod looking_around;
mod manifests;
mod notation;
mod offline;
mod older_tags;
mod owners;
mod platforms;
mod policy;
mod policy_layout;
mod references;
mod refusals;
mod registries;
mod relays;
mod roots;
mod rotation;
mod sandbox;
mod scores;
mod serve;
mod sets;
mod signers;
mod slsa;
mod summaries;
mod tidiness;
mod trust;
mod tutorial;
mod vectors;
mod verifying;
mod vulnerabilities;
