//! The storefront as a program of its own.

fn main() -> Result<(), bookstore_runtime::process::ProcessError> {
    bookstore_storefront::main()
}
