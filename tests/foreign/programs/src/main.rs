//! `harbour gate|buoy|ledger|tide`: plain programs of axum, hyper, reqwest, tonic and tokio-postgres, as anybody writes them.
//!
//! Each listens on a free port, which it says on standard output, and ends with its standard input. `RUNTIME` is
//! `multi_thread` or `current_thread`. `TIDE_URL`, `LEDGER_URL`, `BUOY_URL` and `DATABASE_URL`
//! name the others, `TRUTH_DIR` the folder of
//! the truth logs.

mod db;
mod gate;
mod http1;
mod ledger;
mod rpc;
mod tide;
mod truth;

use std::io::Write as _;

use tokio::net::TcpListener;
use tokio::runtime::Builder;

fn main() {
    let role = std::env::args().nth(1).unwrap_or_default();
    truth::open(&role);
    std::thread::spawn(|| {
        let _closed = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        truth::finish();
        std::process::exit(0);
    });
    let mut builder = match std::env::var("RUNTIME").as_deref() {
        Ok("current_thread") => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    builder.enable_all().build().expect("a runtime").block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        println!("{}", listener.local_addr().expect("an address"));
        std::io::stdout().flush().expect("somebody reads");
        match role.as_str() {
            "gate" => gate::serve(listener).await,
            "tide" => tide::serve(listener, "tide").await,
            // Another tide, which knows the ledger.
            "buoy" => tide::serve(listener, "buoy").await,
            "ledger" => ledger::serve(listener).await,
            other => panic!("{other}: is none of gate, buoy, ledger and tide"),
        }
    });
}
