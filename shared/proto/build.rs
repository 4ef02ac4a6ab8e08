//! Compiles the `.proto` files with `protox`, which is Rust: no `protoc` on the machine is needed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = ["proto/bookstore/inventory/v1/inventory.proto", "proto/bookstore/payment/v1/payment.proto"];
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(files, ["proto"])?;
    let mut messages = tonic_prost_build::Config::new();
    // A card must not be printed by accident: `Debug` for it is written by hand in `lib.rs`.
    messages.skip_debug(["bookstore.payment.v1.Card", "bookstore.payment.v1.AuthoriseRequest"]);
    tonic_prost_build::configure().build_transport(false).compile_fds_with_config(descriptors, messages)?;
    Ok(())
}
