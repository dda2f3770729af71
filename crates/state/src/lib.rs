//! The SQL database behind --state: group commit, snapshots, migrations, positions.
