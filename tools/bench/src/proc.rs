//! CPU time and memory of a process, from `/proc`.

use std::fs;
use std::path::Path;

use crate::error::{Error, Result};

/// Returns the CPU time of all threads in nanoseconds. The ticks of `/proc/PID/stat` (10 ms) are too coarse for requests
/// of less than a millisecond.
pub fn cpu_nanos(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/task");
    let mut sum = 0;
    for thread in fs::read_dir(&path).map_err(Error::system(&path))? {
        let file = thread.map_err(Error::system(&path))?.path().join("schedstat");
        // A thread may have ended meanwhile.
        let Ok(text) = fs::read_to_string(&file) else { continue };
        let nanos = text.split(' ').next().and_then(|first| first.parse::<u64>().ok());
        sum +=
            nanos.map_or_else(|| Error::wrong(format!("{} is malformed", file.display())), Ok)?;
    }
    Ok(sum)
}

/// Returns the peak resident memory in KiB.
pub fn peak_kib(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).map_err(Error::system(&path))?;
    let value = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let value = value.and_then(|value| value.trim().strip_suffix(" kB")?.trim().parse().ok());
    value.map_or_else(|| Error::wrong(format!("{path} has no VmHWM")), Ok)
}

/// Returns the size of a file in bytes.
pub fn bytes(path: &Path) -> Result<u64> {
    let data = fs::metadata(path);
    Ok(data.map_err(Error::system(path.display().to_string()))?.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_increases_cpu_time_and_memory() {
        let me = std::process::id();
        let (time, memory) = (cpu_nanos(me).expect("time"), peak_kib(me).expect("memory"));
        let bytes = std::hint::black_box(vec![1_u8; 20_000_000]);
        assert_eq!(bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>(), 20_000_000);
        assert!(cpu_nanos(me).expect("time") - time > 1_000_000);
        assert!(peak_kib(me).expect("memory") - memory > 15_000);
    }
}
