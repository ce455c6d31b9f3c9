use std::rc::Rc;

use reactive_runtime::prelude::*;

async fn scaled() {
    let factor = Rc::new(2);
    let _ = pipeline! { 0..3 |> parallel(2, move |x| x * *factor) |> count() }.await;
}

fn main() {}
