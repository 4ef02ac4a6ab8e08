//! The catalog service as a process of its own.

fn main() -> anyhow::Result<()> {
    Ok(bookstore_catalog::main()?)
}
