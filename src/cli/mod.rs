//! TODO
pub fn main() -> std::process::ExitCode {
    todo!()
}
