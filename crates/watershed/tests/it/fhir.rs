//! FHIR datastores as boto3 and signed HTTP clients see them.

use crate::world::{BINARY, run, run_with, server};

#[test]
fn boto3_creates_describes_and_deletes_datastores() {
    run(&server(), "fhir/control.py");
}

#[test]
fn signed_clients_read_write_and_search_resources() {
    run(&server(), "fhir/data.py");
}

#[test]
fn files_of_the_lake_are_imported() {
    run(&server(), "fhir/imports.py");
}

#[test]
fn hostile_input_gets_an_operation_outcome() {
    run(&server(), "fhir/hostile.py");
}

#[test]
fn tokens_of_an_issuer_show_what_their_scopes_cover() {
    run(&server(), "fhir/tokens.py");
}

#[test]
fn accesses_are_in_the_audit_log() {
    run_with(&server(), "fhir/audited.py", &[BINARY]);
}

#[test]
fn no_write_before_a_kill_is_missing_in_the_audit_log() {
    let mut world = server();
    run_with(&world, "fhir/audit_killed.py", &[BINARY, "write"]);
    world.server.kill();
    world.server.restart().unwrap();
    run_with(&world, "fhir/audit_killed.py", &[BINARY, "check"]);
}
