use std::rc::Rc;

use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { 0..2 |> map(|x| Rc::new(x)) |> spawn() |> count() };
    let _ = pipeline! { [1, 2] |> parallel(2, |x| Rc::new(x)) |> count() };
}
