//! `deployer`: what the deployment workflow asks, on the command line.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use deployer::{Error, Shift, Template, changes, swap};

/// What a deployment has to know
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Which functions, and whether the template, have changed since a commit, as JSON
    Changes {
        /// The commit that is deployed
        #[arg(long)]
        since: String,
        /// The repository
        #[arg(long, default_value = ".")]
        root: PathBuf,
    },
    /// The deployed template, read from standard input, with new packages for some functions
    Swap {
        /// `summary=s3://bucket/key`
        #[arg(long = "package", required = true, value_parser = package)]
        packages: Vec<(String, String)>,
        /// Without shifting requests little by little, and whatever alarms say
        #[arg(long)]
        at_once: bool,
    },
    /// Method and path of these functions, a line each, as the template has them
    Routes {
        /// None for all
        functions: Vec<String>,
        /// The template
        #[arg(long, default_value = "template.yaml")]
        template: PathBuf,
    },
}

fn package(text: &str) -> Result<(String, String), String> {
    let (function, location) = text.split_once('=').ok_or("give FUNCTION=s3://BUCKET/KEY")?;
    if !location.starts_with("s3://") {
        return Err(format!("{location} is no s3:// location"));
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
