use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { [Some(1), None] |> map(|x| x)? |> count() };
}
