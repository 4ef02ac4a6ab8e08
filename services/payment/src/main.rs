//! The payment service as a process of its own.

fn main() -> anyhow::Result<()> {
    Ok(bookstore_payment::main()?)
}
