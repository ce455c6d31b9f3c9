use reactive_runtime::prelude::*;

fn main() {
    macro_rules! halves {
        ($source:expr, $size:expr) => {
            pipeline! { $source |> map(|x| x / 2) |> batchh($size) |> count() }
        };
    }
    let _ = halves!(0..3, 2);
}
