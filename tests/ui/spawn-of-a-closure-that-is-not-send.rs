use std::rc::Rc;

use reactive_runtime::prelude::*;

fn main() {
    let names = Rc::new(["a", "b"]);
    let _ = pipeline! { 0..2 |> map(move |x: usize| names[x]) |> spawn() |> count() };
}
