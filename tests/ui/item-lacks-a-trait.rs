use reactive_runtime::prelude::*;

fn main() {
    struct Row;
    let _ = pipeline! { [Row, Row] |> sum::<u32>() };
}
