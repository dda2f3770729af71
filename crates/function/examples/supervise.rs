//! The supervisor alone, as this crate's tests start it; the program itself does this as its command `supervise`.

fn main() -> std::process::ExitCode {
    function::supervise::run()
}
