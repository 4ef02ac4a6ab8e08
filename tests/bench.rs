//! `bookstore bench`: a short experiment from end to end. What it finds is tested by `bookstore bench --self-test`, on a
//! machine that has nothing else to do.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

use std::os::unix::fs::PermissionsExt as _;
use std::process::Output;

use bookstore_bench::Summary;
use bookstore_bench::model::PhaseKind;
use bookstore_harness::shop::temporary;
use tokio::process::Command;

mod common;
use common::{databases, executable};

async fn bench(arguments: &[&str]) -> Output {
    Command::new(executable()).arg("bench").args(arguments).output().await.unwrap()
}

#[tokio::test]
async fn a_short_experiment_is_measured_and_written() {
    for database in databases() {
        let folder = temporary();
        let out = folder.path().join("report");
        let short = ["--rounds", "1", "--duration", "700ms", "--warmup", "300ms", "--saturate"];
        let what = ["--modes", "none,manual", "--database", database, "--concurrency", "8"];
        let output = bench(&[&short[..], &what[..], &["--out", out.to_str().unwrap()]].concat()).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{database}: {said}");
        let summary = Summary::read(&out.join("summary.json")).unwrap();
        assert_eq!(summary.experiment.modes, ["none", "manual"]);
        assert_eq!(summary.runs.len(), 2);
        for run in &summary.runs {
            let phase = run.phase(PhaseKind::Saturation).unwrap();
            assert!(phase.requests > 0 && phase.errors.is_empty(), "{database}, {}: {phase:?}", run.mode);
            assert_eq!(phase.cpu_s.services.len(), 5, "{database}");
            assert!(phase.cpu_s.services.values().sum::<f64>() > 0.0, "{database}");
            assert_eq!(phase.cpu_s.database.is_some(), database == "postgres");
            assert!(phase.rss_peak_mib.values().all(|mib| *mib > 1.0), "{database}");
            let spans = phase.spans.map(|spans| (spans.exported > phase.requests, spans.dropped));
            assert_eq!(spans, (run.mode == "manual").then_some((true, 0)), "{database}, {}: {phase:?}", run.mode);
        }
        let page = std::fs::read_to_string(out.join("index.html")).unwrap();
        assert!(page.contains("too few rounds") || page.contains("too few to say"), "{database}");
    }
}

#[tokio::test]
async fn what_cannot_be_measured_is_said_first() {
    let folder = temporary();
    let locked = folder.path().join("locked");
    std::fs::create_dir(&locked).unwrap();
    std::fs::write(locked.join("mine"), "").unwrap();
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o555)).unwrap();
    for (arguments, expected) in [
        (&["--modes", "none"][..], "--modes none,manual"),
        (&["--modes", "none,ebpff"][..], "ebpff"),
        (&["--modes", "none,none+50"][..], "none+50us"),
        (&["--rate", "0"][..], "--rate"),
        (&["--rate", "5", "--saturate"][..], "--saturate"),
        (&["--scenario", "nowhere"][..], "mixed"),
        (&["--out", locked.to_str().unwrap()][..], "locked"),
    ] {
        let output = bench(arguments).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{arguments:?}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
    assert_eq!(std::fs::read_dir(&locked).unwrap().count(), 1);
}
