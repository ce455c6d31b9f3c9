use reactive_runtime::prelude::*;

fn main() {
    let _ = stage! { |> map(|s| s.len()) };
}
