//! What Linux counted of a process (proc(5)).

use std::fs;

use anyhow::Context as _;

/// Ticks of `/proc/PID/stat` in a second; fixed for all user space.
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor time of all threads so far, user and system, seconds.
///
/// # Errors
/// Where there is no `/proc`, or no such process.
pub fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name before the bracket may hold spaces; fields 14 and 15 are user and system time.
    let fields = stat.rsplit_once(") ").context("no bracket in /proc/PID/stat")?.1;
    let ticks = |field: usize| fields.split(' ').nth(field - 3).and_then(|text| text.parse::<f64>().ok());
    let (user, system) = (ticks(14).context("no user time")?, ticks(15).context("no system time")?);
    Ok((user + system) / TICKS_PER_SECOND)
}

/// The most memory a process had resident, bytes.
///
/// # Errors
/// Where there is no `/proc`, or no such process.
pub fn peak_rss_bytes(pid: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024)
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_process_has_used_something() {
        let own = std::process::id();
        assert!(super::cpu_seconds(own).unwrap() >= 0.0);
        assert!(super::peak_rss_bytes(own).unwrap() > 100_000);
    }
}
