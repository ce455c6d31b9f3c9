use reactive_runtime::prelude::*;

fn main() {
    struct Rows;
    let _ = pipeline! { Rows |> count() };
}
