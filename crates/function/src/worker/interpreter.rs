//! Where the interpreter of a runtime is: the first in `PATH` that the user of functions can execute. A server that runs as
//! root finds programs in its own home that `nobody` cannot reach; they are passed over, and told when nothing else is there.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Links of a program that are followed.
const LINKS_MAX: usize = 40;

/// What the search came across.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub program: Option<PathBuf>,
    /// The first that would have been taken, could it be executed.
    pub passed_over: Option<PathBuf>,
}

/// Looks for the first of `names` in all folders of `path`, then for the next.
pub(super) fn find(path: &str, names: &[&str], user: Option<(u32, u32)>) -> Found {
    let mut found = Found::default();
    let folders = || path.split(':').map(Path::new).filter(|folder| folder.is_absolute());
    for program in names.iter().flat_map(|name| folders().map(move |folder| folder.join(name))) {
        if !program.is_file() {
            continue;
        }
        if is_executable(&program, user) {
            found.program = Some(program);
            break;
        }
        found.passed_over.get_or_insert(program);
    }
    found
}

/// Whether a user, or the server's own, can execute a program: every folder on the way to it and to what it links to
/// must let the user pass.
fn is_executable(program: &Path, user: Option<(u32, u32)>) -> bool {
    let Some(user) = user else { return program.metadata().is_ok_and(|found| found.mode() & 0o111 != 0) };
    let passes = |place: &Path| {
        place.ancestors().skip(1).all(|folder| folder.metadata().is_ok_and(|found| allows(&found, user, 0o1)))
    };
    let Ok(real) = program.canonicalize() else { return false };
    let mut place = program.to_owned();
    for _ in 0..LINKS_MAX {
        if !passes(&place) {
            return false;
        }
        match (fs::read_link(&place), place.parent()) {
            (Ok(target), Some(folder)) => place = folder.join(target),
            _ => return passes(&real) && real.metadata().is_ok_and(|found| allows(&found, user, 0o5)),
        }
    }
    false
}

/// Whether the mode bits give a user, in its one group, the rights `wanted`.
fn allows(found: &Metadata, (user, group): (u32, u32), wanted: u32) -> bool {
    let shift = match () {
        () if found.uid() == user => 6,
        () if found.gid() == group => 3,
        () => 0,
    };
    found.mode() >> shift & wanted == wanted
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    /// Nobody that owns a file here.
    const NOBODY: Option<(u32, u32)> = Some((65_534, 65_534));

    fn program(folder: &Path, folder_mode: u32, name: &str, mode: u32) -> PathBuf {
        fs::create_dir_all(folder).unwrap();
        let program = folder.join(name);
        fs::write(&program, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(mode)).unwrap();
        fs::set_permissions(folder, fs::Permissions::from_mode(folder_mode)).unwrap();
        program
    }

    #[test]
    fn what_the_user_cannot_reach_or_execute_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let [home, text, links, good] = ["home", "text", "links", "good"].map(|name| dir.path().join(name));
        let private = program(&home, 0o700, "python3", 0o755);
        program(&text, 0o755, "python3", 0o644);
        fs::create_dir(&links).unwrap();
        symlink(&private, links.join("python3")).unwrap();
        let path = format!("::relative:{}:{}:{}:{}", home.display(), text.display(), links.display(), good.display());
        let names = ["python3.12", "python3"];
        assert_eq!(find(&path, &names, NOBODY), Found { program: None, passed_over: Some(private.clone()) });
        let public = program(&good, 0o755, "python3", 0o755);
        let found = Found { program: Some(public), passed_over: Some(private.clone()) };
        assert_eq!(find(&path, &names, NOBODY), found);
        // The server's own user reaches its home; the exact name comes before the order of folders.
        assert_eq!(find(&path, &names, None).program, Some(private));
        let exact = program(&good, 0o755, "python3.12", 0o755);
        assert_eq!(find(&path, &names, None), Found { program: Some(exact), passed_over: None });
        assert_eq!(find(&path, &["ruby"], NOBODY), Found::default());
    }
}
