//! Writes the definitions of our kinds into the folder that is named: `make crds`.

use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("which folder?")?);
    for crd in crds::all() {
        let (name, text) = crds::file(&crd)?;
        std::fs::write(folder.join(name), text)?;
    }
    Ok(())
}
