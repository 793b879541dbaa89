//! Writes the reference page: `cargo run -p contract > docs/api.html`.

fn main() {
    print!("{}", contract::page::render());
}
