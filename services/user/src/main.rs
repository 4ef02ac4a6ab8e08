//! The user service as a process of its own.

fn main() -> anyhow::Result<()> {
    Ok(bookstore_user::main()?)
}
