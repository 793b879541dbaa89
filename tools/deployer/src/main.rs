//! `deployer`: command line of this crate, for the deployment workflow and scripts.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use deployer::{Error, Shift, Template, changes, swap};

/// Finds changed functions, and reads and edits the CloudFormation template
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print as JSON whether the template and which functions have changed since a commit
    Changes {
        /// Deployed commit
        #[arg(long)]
        since: String,
        /// Folder of the repository
        #[arg(long, default_value = ".")]
        root: PathBuf,
    },
    /// Read a deployed template from standard input and print it with other packages
    Swap {
        /// Function and its new package, for example `summary=s3://bucket/key`
        #[arg(long = "package", required = true, value_parser = package)]
        packages: Vec<(String, String)>,
        /// Shift all traffic at once and ignore alarms
        #[arg(long)]
        at_once: bool,
    },
    /// Print method and path of functions, one line each
    Routes {
        /// Names of the functions; all if none is given
        functions: Vec<String>,
        /// Path of the template
        #[arg(long, default_value = "template.yaml")]
        template: PathBuf,
    },
}

fn package(text: &str) -> Result<(String, String), String> {
    let (function, location) = text.split_once('=').ok_or("expected FUNCTION=s3://BUCKET/KEY")?;
    if !location.starts_with("s3://") {
        return Err(format!("{location} is not an s3:// URL"));
    }
    Ok((function.to_owned(), location.to_owned()))
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("deployer: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<String, Error> {
    match command {
        Command::Changes { since, root } => Ok(changes::since(&root, &since)?.json().to_string()),
        Command::Swap { packages, at_once } => {
            let mut deployed = String::new();
            let read = std::io::stdin().read_to_string(&mut deployed);
            let path = Path::new("standard input").to_owned();
            read.map_err(|source| Error::File { path, source })?;
            let shift = if at_once { Shift::AtOnce } else { Shift::Gradual };
            swap(&deployed, &packages, shift)
        }
        Command::Routes { functions, template } => {
            let routes = Template::read(&template)?.routes(&functions)?;
            let lines: Vec<String> =
                routes.iter().map(|(method, path)| format!("{method} {path}")).collect();
            Ok(lines.join("\n"))
        }
    }
}
