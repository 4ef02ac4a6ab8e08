//! The build without the feature `otel` has no OpenTelemetry in it: what "no code" is measured against.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

use std::process::Command;

/// The packages that the executable is made of.
fn packages(arguments: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--package", "bookstore", "--edges", "normal,build", "--prefix", "none"])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut packages: Vec<_> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    packages.sort();
    packages.dedup();
    packages
}

fn is_opentelemetry(package: &str) -> bool {
    package.contains("opentelemetry")
}

#[test]
fn the_feature_brings_opentelemetry_in_and_nothing_else_does() {
    assert!(packages(&[]).iter().any(|package| is_opentelemetry(package)));
    let without = packages(&["--no-default-features"]);
    assert!(without.len() > 50, "{} packages are too few to prove anything", without.len());
    let found: Vec<_> = without.iter().filter(|package| is_opentelemetry(package)).collect();
    assert_eq!(found, Vec::<&String>::new());
}

#[test]
fn one_crate_alone_names_opentelemetry() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let names: Vec<_> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|package| {
            let dependencies = package["dependencies"].as_array().unwrap();
            dependencies.iter().any(|dependency| is_opentelemetry(dependency["name"].as_str().unwrap()))
        })
        .map(|package| package["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["bookstore-telemetry"]);
}
