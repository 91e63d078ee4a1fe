//! Threads that must wake up on time although the system under test keeps every core busy.

/// Gives the calling thread what the system permits, best first: real-time scheduling (root, or CAP_SYS_NICE), else a
/// short time slice, with which a waking thread goes before those with longer ones (Linux 6.12). Without either, the
/// pacing histogram shows what it costs.
pub(crate) fn wake_on_time() {
    #[cfg(target_os = "linux")]
    {
        // Timers may fire this much late to save power; by default 50 us.
        let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
        if !linux::schedule(libc::SCHED_RR, 0, 1, 0) {
            let _ = rustix::process::setpriority_process(None, -20);
            let nice = rustix::process::getpriority_process(None).unwrap_or(0);
            linux::schedule(libc::SCHED_OTHER, nice, 0, linux::SLICE_NS);
        }
    }
}

#[cfg(target_os = "linux")]
mod linux {
    /// The shortest that the kernel takes.
    pub const SLICE_NS: u64 = 100_000;

    /// `struct sched_attr` in its first version, sched_setattr(2).
    #[repr(C)]
    struct Attributes {
        size: u32,
        policy: u32,
        flags: u64,
        nice: i32,
        priority: u32,
        runtime_ns: u64,
        deadline_ns: u64,
        period_ns: u64,
    }

    /// Sets how the calling thread is scheduled; whether the kernel took it.
    #[allow(unsafe_code)]
    pub fn schedule(policy: i32, nice: i32, priority: u32, runtime_ns: u64) -> bool {
        let attributes = Attributes {
            size: size_of::<Attributes>() as u32,
            policy: policy.unsigned_abs(),
            // Threads that this one starts must not inherit it.
            flags: libc::SCHED_FLAG_RESET_ON_FORK as u64,
            nice,
            priority,
            runtime_ns,
            deadline_ns: 0,
            period_ns: 0,
        };
        // SAFETY: the kernel only reads `size` bytes at the pointer, which is a live struct of that size and of the layout
        // that sched_setattr(2) names. Neither rustix nor std has this call.
        let result = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
        result == 0
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::linux;

    #[test]
    fn the_kernel_takes_a_short_slice_and_refuses_nonsense() {
        let taken = || {
            wake();
            (
                linux::schedule(libc::SCHED_OTHER, 0, 0, linux::SLICE_NS),
                linux::schedule(-1, 0, 0, 0),
            )
        };
        let (sound, nonsense) = std::thread::spawn(taken).join().unwrap();
        assert!(sound && !nonsense);
    }

    fn wake() {
        super::wake_on_time();
    }
}
