//! The async runtime and the process, read at each collection of metrics.

use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;
use tokio::runtime::RuntimeMetrics;

/// Exports the runtime that this is called in, and the process. OpenTelemetry has no names for tokio yet: these are
/// ours, in the conventions' form.
pub(crate) fn register(meter: &Meter) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        register_runtime(meter, &runtime.metrics());
    }
    #[cfg(target_os = "linux")]
    process::register(meter);
}

fn register_runtime(meter: &Meter, runtime: &RuntimeMetrics) {
    let gauge = |name, unit, help, read: fn(&RuntimeMetrics) -> usize| {
        let runtime = runtime.clone();
        meter
            .i64_observable_gauge(name)
            .with_unit(unit)
            .with_description(help)
            .with_callback(move |observer| observer.observe(i64::try_from(read(&runtime)).unwrap_or(i64::MAX), &[]))
            .build();
    };
    gauge("tokio.workers", "{thread}", "Worker threads of the runtime.", RuntimeMetrics::num_workers);
    gauge("tokio.tasks.alive", "{task}", "Tasks that have not ended.", RuntimeMetrics::num_alive_tasks);
    gauge(
        "tokio.global_queue.depth",
        "{task}",
        "Tasks waiting in the global queue.",
        RuntimeMetrics::global_queue_depth,
    );

    let runtime = runtime.clone();
    meter
        .f64_observable_counter("tokio.worker.busy_time")
        .with_unit("s")
        .with_description("Time that the workers were busy.")
        .with_callback(move |observer| {
            for worker in 0..runtime.num_workers() {
                let attributes = [KeyValue::new("tokio.worker.index", i64::try_from(worker).unwrap_or(i64::MAX))];
                observer.observe(runtime.worker_total_busy_duration(worker).as_secs_f64(), &attributes);
            }
        })
        .build();
}

#[cfg(target_os = "linux")]
mod process {
    use opentelemetry::KeyValue;
    use opentelemetry::metrics::Meter;
    use opentelemetry_semantic_conventions::{attribute, metric};

    pub(super) fn register(meter: &Meter) {
        meter
            .i64_observable_up_down_counter(metric::PROCESS_MEMORY_USAGE)
            .with_unit("By")
            .with_description("Physical memory in use.")
            .with_callback(|observer| {
                if let Some(bytes) = resident_bytes() {
                    observer.observe(bytes, &[]);
                }
            })
            .build();
        let modes = ["user", "system"].map(|mode| [KeyValue::new(attribute::CPU_MODE, mode)]);
        meter
            .f64_observable_counter(metric::PROCESS_CPU_TIME)
            .with_unit("s")
            .with_description("CPU time used.")
            .with_callback(move |observer| {
                for (seconds, attributes) in cpu_seconds().into_iter().flatten().zip(&modes) {
                    observer.observe(seconds, attributes);
                }
            })
            .build();
    }

    /// `VmRSS` of proc_pid_status(5), which is in KiB.
    pub(super) fn resident_bytes() -> Option<i64> {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<i64>().ok()? * 1024)
    }

    /// User and system time: fields 14 and 15 of proc_pid_stat(5), in ticks, of which user space sees 100 a second.
    pub(super) fn cpu_seconds() -> Option<[f64; 2]> {
        const TICKS: f64 = 100.0;
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        // The second field is the program's name in parentheses and may hold spaces.
        let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
        let mut seconds = || Some(fields.next()?.parse::<f64>().ok()? / TICKS);
        Some([seconds()?, seconds()?])
    }

    #[cfg(test)]
    mod tests {
        #[test]
        fn the_process_uses_memory_and_time() {
            assert!(super::resident_bytes().unwrap() > 1024 * 1024);
            let before = super::cpu_seconds().unwrap();
            let until = std::time::Instant::now() + std::time::Duration::from_millis(100);
            while std::time::Instant::now() < until {
                std::hint::spin_loop();
            }
            let after = super::cpu_seconds().unwrap();
            assert!(after[0] > before[0], "{after:?} > {before:?}");
        }
    }
}
