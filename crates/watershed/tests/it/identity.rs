//! Roles, policies and sessions as boto3 and the AWS CLI see them, in stacks, and over a restart.

use crate::world::{run, server};

#[test]
fn roles_and_sessions_are_what_programs_know_and_survive_a_kill() {
    let mut world = server();
    run(&world, "identity/roles.py");
    world.server.kill();
    world.server.restart().unwrap();
    run(&world, "identity/restarted.py");
}

#[test]
fn stacks_make_change_and_remove_roles_and_policies() {
    run(&server(), "identity/stack.py");
}
