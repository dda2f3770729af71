//! Serverless health-data architecture in one program.
fn main() {}
