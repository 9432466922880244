//! `bulla man`: manual pages from the same source as the help.

use crate::args::man::Arguments;
use crate::commands::Context;
use crate::output::write_atomic;
use crate::{Exit, Failure, verbs};

/// Writes a page for `bulla` and one for each command.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let folder = &arguments.folder;
    std::fs::create_dir_all(folder).map_err(|error| Failure::file("make", folder, &error))?;
    let mut root = verbs::command();
    root.build();
    let mut pages = Vec::new();
    collect(&root, &mut pages);
    for (name, command) in &pages {
        let path = folder.join(format!("{name}.1"));
        let mut page = Vec::new();
        clap_mangen::Man::new((*command).clone())
            .render(&mut page)
            .map_err(|error| Failure::file("write", &path, &error))?;
        write_atomic(&path, &page)?;
    }
    context.printer.say(format!(
        "  wrote {} pages to {}",
        pages.len(),
        folder.display()
    ));
    Ok(Exit::Success)
}

/// The command and everything below it, by the names of their pages: `bulla-key-generate`.
fn collect<'a>(command: &'a clap::Command, pages: &mut Vec<(String, &'a clap::Command)>) {
    let name = command
        .get_display_name()
        .unwrap_or_else(|| command.get_name());
    pages.push((name.to_owned(), command));
    for verb in command.get_subcommands() {
        collect(verb, pages);
    }
}
