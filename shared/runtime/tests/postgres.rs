//! The private PostgreSQL.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use bookstore_runtime::postgres::{Cluster, Installation};
use bookstore_runtime::testing::{skip, unprivileged};

/// What a killed `initdb` leaves has a version, for that is what it writes first, and is no cluster all the same.
#[tokio::test]
async fn a_cluster_that_was_half_made_is_made_anew() {
    let run_as = unprivileged();
    let Ok(installation) = Installation::find() else { return skip("a half made cluster", "no PostgreSQL here") };
    if run_as.is_none() && rustix::process::geteuid().is_root() {
        return skip("a half made cluster", "there is no user that PostgreSQL could run as");
    }
    let home = tempfile::tempdir().unwrap();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o711)).unwrap();
    let folder = home.path().join("postgres");
    let names = || {
        let entries = fs::read_dir(&folder).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };

    let half_made = folder.join("data.new-1");
    fs::create_dir_all(half_made.join("base")).unwrap();
    fs::write(half_made.join("PG_VERSION"), "17\n").unwrap();
    Cluster::start(&installation, &folder, run_as).await.unwrap().stop();
    assert_eq!(names(), ["data", "password", "postgres.log"]);

    // A whole one stays.
    let made = fs::metadata(folder.join("data").join("PG_VERSION")).unwrap().modified().unwrap();
    Cluster::start(&installation, &folder, run_as).await.unwrap().stop();
    assert_eq!(fs::metadata(folder.join("data").join("PG_VERSION")).unwrap().modified().unwrap(), made);
}
